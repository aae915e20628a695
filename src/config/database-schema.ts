import { z } from 'zod';
import { seconds } from './option-values.ts';

/** How the PostgreSQL of `LONGHAUL_DATABASE_URL` is used. */
export const databaseSchema = z.strictObject({
  /**
   * How long a start waits for a database that cannot be reached yet, as when both start together. One that refuses the
   * user or has no such database is not waited for. Defaults to 60.
   */
  waitSeconds: seconds().max(86_400, 'must be at most 86400').optional(),
});
