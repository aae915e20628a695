import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';

/** The lock for all changes to the chain: "lhau" as a number. */
const ADVISORY_LOCK = 0x6c686175;

/**
 * Does `work` in a transaction, in one process of the fleet at a time; returns null when another process has the lock.
 */
export function asKeeper<T>(database: Database, work: (trx: Transaction) => Promise<T>): Promise<T | null> {
  return database.sql.transaction().execute(async (trx) => {
    const { rows } = await sql<{ taken: boolean }>`
      select pg_try_advisory_xact_lock(${sql.lit(ADVISORY_LOCK)}) as taken`.execute(trx);
    return rows[0]?.taken === true ? work(trx) : null;
  });
}
