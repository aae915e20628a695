import { sql } from 'kysely';

/** pg-boss's tables are in a separate schema, so that an application may use pg-boss beside us. */
export const QUEUE_SCHEMA = 'longhaul_queue';

/** SQL: pg-boss's table of messages. */
export const JOB = sql.table(`${QUEUE_SCHEMA}.job`);
