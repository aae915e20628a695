import { z } from 'zod';
import { positive, seconds } from './option-values.ts';

/** Longhaul's use of the PostgreSQL database of `LONGHAUL_DATABASE_URL`. */
export const databaseSchema = z.strictObject({
  /**
   * Maximum number of connections that a process opens: one listens, two serve maintenance, and requests and runs
   * share the others. A request that finds none free waits up to 5 seconds. Defaults to 14, and for `longhaul worker` to its
   * slots and 4 more, at most 14.
   */
  poolSize: positive().min(5, 'must be at least 5').max(1_000, 'must be at most 1000').optional(),
  /**
   * Time that a start waits for a database that cannot be reached yet, for example when both start together. It does not
   * wait if the database rejects the user or does not exist. Defaults to 60.
   */
  waitSeconds: seconds().max(86_400, 'must be at most 86400').default(60),
});
