import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Reads the database's clock, which decides for all processes. */
export async function readNow(database: Database): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
  return rows[0]!.now;
}
