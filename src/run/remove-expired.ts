import { setTimeout as delay } from 'node:timers/promises';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';

/** Rows deleted in one statement, with everything that belongs to them. */
const REMOVED_AT_ONCE = 100;

/** The lock of the process that deletes: "lhrm" as a number. */
const REMOVAL_LOCK = 0x6c68726d;

interface RemoveOptions {
  readonly retentionDays: number;
  /** Stops the deletion after the current statement. */
  readonly signal?: AbortSignal;
}

/**
 * Deletes the runs that ended more than `retentionDays` ago, with their events and attempts, then the sessions whose last
 * run was deleted. Returns the number of runs. The ledger stays: it is the record of money. So do sessions that clients
 * of Claude Managed Agents manage, with their runs: only those clients delete them.
 *
 * Claims and submissions go on beside it. It deletes few rows at a time, and pauses after each statement for as long as
 * the statement took. Of many workers one deletes at a time; a worker that finds another at it leaves the rest to that
 * worker.
 */
export async function removeExpiredRuns(database: Database, { retentionDays, signal }: RemoveOptions): Promise<number> {
  const before = sql`now() - ${retentionDays} * interval '1 day'`;
  const removed = await removeInSteps({
    signal,
    step: (since) => sql<Removed>`
      delete from longhaul.runs where id in (
        select id from longhaul.runs
         where finished_at >= ${since} and finished_at < ${before} and ${HAS_TURN} and not is_managed
         order by finished_at limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked)
      returning finished_at as at`,
    database,
  });
  await removeInSteps({
    signal,
    step: (since) => sql<Removed>`
      delete from longhaul.sessions where id in (
        select id from longhaul.sessions as session
         where updated_at >= ${since} and updated_at < ${before} and ${HAS_TURN} and not is_managed
           and not exists (select from longhaul.runs where session_id = session.id)
         order by updated_at limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked)
      returning updated_at as at`,
    database,
  });
  return removed;
}

interface Removed {
  readonly at: Date;
}

/** Evaluated once for a statement. The lock ends with it. */
const HAS_TURN = sql`(select pg_try_advisory_xact_lock(${sql.lit(REMOVAL_LOCK)}))`;

interface StepsOptions {
  readonly database: Database;
  readonly signal: AbortSignal | undefined;
  /** Deletes the first rows of this time or later. */
  readonly step: (since: Date) => RawBuilder<Removed>;
}

/** Each step begins at the time of the last row of the step before: deleted rows stay in an index until a vacuum. */
async function removeInSteps({ database, signal, step }: StepsOptions): Promise<number> {
  let removed = 0;
  let since = new Date(0);
  while (signal?.aborted !== true) {
    const startedAt = performance.now();
    const { rows } = await step(since).execute(database.sql);
    removed += rows.length;
    if (rows.length < REMOVED_AT_ONCE) break;
    since = rows.reduce((last, { at }) => (at > last ? at : last), since);
    await delay(performance.now() - startedAt, undefined, { signal }).catch(() => {});
  }
  return removed;
}
