import { z } from 'zod';
import { positive, seconds } from './option-values.ts';

/** How the PostgreSQL of `LONGHAUL_DATABASE_URL` is used. */
export const databaseSchema = z.strictObject({
  /**
   * Connections that a process opens at most, all together: one listens, two are for maintenance, and requests and runs
   * share the others. A request that finds none free waits for up to 5 seconds. Defaults to 14.
   */
  poolSize: positive().min(5, 'must be at least 5').max(1_000, 'must be at most 1000').optional(),
  /**
   * How long a start waits for a database that cannot be reached yet, as when both start together. One that refuses the
   * user or has no such database is not waited for. Defaults to 60.
   */
  waitSeconds: seconds().max(86_400, 'must be at most 86400').optional(),
});
