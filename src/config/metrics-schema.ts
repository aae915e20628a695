import { z } from 'zod';

/** Settings of the [metrics](metrics.md). */
export const metricsSchema = z.strictObject({
  /**
   * Port of this process for `/metrics`, `/livez` and `/readyz` alone; 0 chooses a free port. Workers have no other. Each
   * process of a machine needs its own. A server has the same on its usual port. Variable `LONGHAUL_METRICS_PORT`. Defaults
   * to none.
   */
  port: z
    .int('must be a port')
    .min(0, 'must be a port from 0 to 65535')
    .max(65_535, 'must be a port from 0 to 65535')
    .optional(),
  /** Address on which that port listens. Defaults to the address of the server: `LONGHAUL_HOST`, else `127.0.0.1`. */
  host: z.string('must be an address').min(1, 'must be an address').optional(),
  /**
   * Set to true to answer `/metrics` on that port without an API key. Only for a loopback address, because the metrics
   * show names of agents and what they cost. With false, a key with the scope `metrics` is required. Defaults to false.
   */
  withoutKey: z.boolean('must be true or false').default(false),
});
