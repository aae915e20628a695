import { z } from 'zod';
import { positive } from './option-values.ts';

/** How the PostgreSQL of `LONGHAUL_DATABASE_URL` is used. */
export const databaseSchema = z.strictObject({
  /**
   * Connections that a process opens at most, all together: one listens, two are for maintenance, and requests and runs
   * share the others. A request that finds none free waits for up to 5 seconds. Defaults to 14.
   */
  poolSize: positive().min(5, 'must be at least 5').max(1_000, 'must be at most 1000').optional(),
});
