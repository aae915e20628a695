import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Milliseconds between checks for unfinished transactions. Transactions of Longhaul take milliseconds. */
const LOOK_EVERY_MS = { first: 10, growth: 1.5, most: 250 };

/** An owner of events in a part of the log. */
export interface Owner {
  readonly user: string | null;
  readonly team: string | null;
  /** The team that owns the user; null when the user is the application's, or there is none. */
  readonly tenant: string | null;
}

/** A watermark of the log of all runs: no event will ever be added at or before `position`. */
export interface Settled {
  readonly position: number;
  /** The owners of the events between the previous `position` and this one. */
  readonly owners: readonly Owner[];
}

interface SettleOptions {
  /** The position that the last call returned; null at first. */
  readonly since: number | null;
  readonly signal: AbortSignal;
}

/**
 * Finds the watermark: the position up to which clients of many runs can read without missing an event. It covers at
 * least everything committed before the call. Null when `signal` aborted the call.
 *
 * Positions are drawn from a sequence in one order, and rows appear when their transactions commit, in another. A
 * client that read up to the highest visible position would miss an event that commits later with a lower one. But
 * `nextval` takes a lock on the sequence (`RowExclusiveLock`) before it draws and keeps it until the end of its
 * transaction, and PostgreSQL releases a transaction's locks after the transaction has become visible. So three
 * statements run in order:
 *
 * 1. Read S, the last number drawn. Every transaction that drew a number up to S took the lock before that.
 * 2. Read the transactions that hold the lock, and repeat until no transaction of the first read is left. Then every
 *    transaction that drew a number up to S has ended: before the first read if it was not in it, else since then.
 * 3. Read the rows up to S, in a snapshot that starts after that. No more rows up to S will ever appear.
 *
 * Later transactions draw numbers above S and are not waited for, so a steady stream of writers delays nothing. Two
 * transactions that overlap are both waited for. A long transaction delays all clients of many runs, but no client of a
 * single run.
 *
 * `position` is the highest position of those rows, not S: after a crash the sequence may go back over numbers whose
 * transactions were lost, and draw some numbers up to S again. It never goes back behind a committed row. So a returned
 * position stays valid, even after a restart of the database.
 *
 * The locks of other databases, of readers, and of transactions that delete or change events do not matter. In the
 * embedded database, a statement outside a transaction waits for the end of the current transaction, so no lock is
 * held.
 */
export async function settle(database: Database, { since, signal }: SettleOptions): Promise<Settled | null> {
  const drawn = await lastDrawn(database);
  if (drawn === since) return { position: drawn, owners: [] };
  let pending = await findDrawers(database);
  for (let waitMs = LOOK_EVERY_MS.first; pending.size > 0; waitMs *= LOOK_EVERY_MS.growth) {
    await pause(Math.min(waitMs, LOOK_EVERY_MS.most), undefined, { signal }).catch(() => {}); // Rejects only when `signal` aborts.
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

/** Finds the unfinished transactions that have drawn positions. Names of transactions are never reused. */
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
