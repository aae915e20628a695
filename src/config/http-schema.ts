import { z } from 'zod';
import { seconds } from './option-values.ts';

/** Settings of the HTTP API. */
export const httpSchema = z.strictObject({
  /**
   * Origins of the web pages that may call the API from a browser, such as `https://app.example.com`, or `*` for any.
   * The token of a page decides what it can read. Defaults to none.
   */
  corsOrigins: z
    .array(z.string('must be an origin').refine(isOrigin, 'must be an origin, such as https://app.example.com, or *'))
    .default([]),
  /**
   * Time that a server continues to accept requests after the signal to stop, while `/readyz` answers `503`, so that
   * load balancers notice first. A second signal, or Ctrl-C in a terminal, skips the wait. Defaults to 5 on a
   * PostgreSQL, else 0.
   */
  shutdownDelaySeconds: seconds().optional(),
  /**
   * Time that an idle connection is kept open. It must be longer than the idle timeout of the load balancer in front
   * (usually 60 seconds). Otherwise the requests that the load balancer sends at that moment are lost. Defaults to 75.
   */
  keepAliveSeconds: seconds().min(1, 'must be 1 or more').max(3_600, 'must be at most 3600').default(75),
  /**
   * Path under which a proxy in front serves Longhaul, such as `/longhaul`: `Location` and `links` begin with it.
   * Longhaul answers requests with and without it, so the proxy may strip it or not. Defaults to none.
   */
  basePath: z
    .string('must be a path')
    .regex(/^(?:\/[\w.~-]+)+$/, 'must be a path, such as /longhaul, without a slash at its end')
    .max(200, 'must be at most 200 characters')
    .default(''),
});

/**
 * Returns whether a value is an origin as browsers send it: without a path, in lower case, without the default port of
 * its scheme.
 */
function isOrigin(value: string): boolean {
  return value === '*' || (/^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value);
}
