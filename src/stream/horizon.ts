import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Between two looks at transactions that are not over: those of Longhaul take milliseconds. */
const LOOK_EVERY_MS = { first: 10, growth: 1.5, most: 250 };

/** Whose events lie in a part of the log. */
export interface Owner {
  readonly user: string | null;
  readonly team: string | null;
  /** The team whose user it is; null: it is the application's, or nobody. */
  readonly tenant: string | null;
}

/** How far the log of all runs can be read: no event will ever be added at or before `position`. */
export interface Settled {
  readonly position: number;
  /** Whose events lie between the `position` before and this one. */
  readonly owners: readonly Owner[];
}

interface SettleOptions {
  /** Where the last call came to; null at first. */
  readonly since: number | null;
  readonly signal: AbortSignal;
}

/**
 * Says how far readers of many runs may go, so that they miss nothing: at least as far as what was committed before
 * the call. Null when `signal` aborted it.
 *
 * Positions are drawn from a sequence and rows appear when their transactions commit, in another order: whoever read
 * up to the highest position it sees would miss what commits later with a lower one. But `nextval` takes a lock on the
 * sequence (`RowExclusiveLock`) before it draws and keeps it to the end of its transaction, and PostgreSQL lets go of a
 * transaction's locks after the transaction has become visible. So, with three statements one after the other:
 *
 * 1. S, the last number that was drawn. Who drew a number up to S took the lock before that.
 * 2. Who holds the lock; again and again until none is left of those who held it the first time. Then everyone who
 *    drew a number up to S has ended: those who were not seen to hold it any more before, those who were since.
 * 3. The rows up to S, in a snapshot begun after that: all that there will ever be.
 *
 * Whoever comes later draws numbers above S and is not waited for, so a steady stream of writers holds up nothing. Two
 * that overlap are both waited for; one that takes long holds up all readers of many runs, not those of one.
 *
 * `position` is the highest of those rows, not S: after a crash the sequence may go back, as far as numbers whose
 * transactions were lost, and give out some up to S again. It never goes back behind a row that was committed.
 * So what this returned once stays true, also after the database was started again.
 *
 * The locks of other databases, of readers, and of who deletes or changes events do not matter. In the embedded
 * database statements outside a transaction wait for the end of the one there is: then nobody holds the lock.
 */
export async function settle(database: Database, { since, signal }: SettleOptions): Promise<Settled | null> {
  const drawn = await lastDrawn(database);
  if (drawn === since) return { position: drawn, owners: [] };
  let pending = await findDrawers(database);
  for (let waitMs = LOOK_EVERY_MS.first; pending.size > 0; waitMs *= LOOK_EVERY_MS.growth) {
    await pause(Math.min(waitMs, LOOK_EVERY_MS.most), undefined, { signal }).catch(() => {}); // Only by the signal.
    if (signal.aborted) return null;
    const still = await findDrawers(database);
    pending = new Set([...pending].filter((drawer) => still.has(drawer)));
  }
  return since === null
    ? { position: await highest(database, drawn), owners: [] }
    : between(database, { since, drawn });
}

async function lastDrawn(database: Database): Promise<number> {
  const { rows } = await sql<{ drawn: number }>`
    select last_value as drawn from longhaul.event_positions where is_called`.execute(database.sql);
  return rows[0]?.drawn ?? 0;
}

/** The transactions that have drawn positions and are not over. Names of transactions are not given twice. */
async function findDrawers(database: Database): Promise<Set<string>> {
  const { rows } = await sql<{ drawer: string }>`
    select virtualtransaction as drawer from pg_locks
     where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
       and relation = 'longhaul.event_positions'::regclass
       and database = (select oid from pg_database where datname = current_database())`.execute(database.sql);
  return new Set(rows.map(({ drawer }) => drawer));
}

async function highest(database: Database, drawn: number): Promise<number> {
  const { rows } = await sql<{ position: number }>`
    select coalesce(max(position), 0) as position from longhaul.run_events where position <= ${drawn}`.execute(
    database.sql,
  );
  return rows[0]!.position;
}

async function between(database: Database, { since, drawn }: { since: number; drawn: number }): Promise<Settled> {
  const { rows } = await sql<Owner & { position: number }>`
    select user_id as "user", team, tenant, max(position) as position from longhaul.run_events
     where position > ${since} and position <= ${drawn} group by user_id, team, tenant`.execute(database.sql);
  const owners = rows.map(({ user, team, tenant }) => ({ user, team, tenant }));
  return { position: Math.max(since, ...rows.map((row) => row.position)), owners };
}
