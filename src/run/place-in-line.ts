import { sql, type RawBuilder } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { QueueMessage } from '../queue/queue.ts';

/**
 * The rank of a run that is submitted now, as SQL for an insert: one more than its user's last in line, and never less
 * than the first in line. So the runs of all users are taken in turn, each one's own in their order, and one who comes new
 * stands beside the first of the others, however many those have waiting (start-time fair queueing; Goyal, Vin and Cheng,
 * SIGCOMM 1996). Two submissions of a user at once may get one rank, which does no harm.
 */
function nextFairRank({ queue, user }: Line) {
  const line = { queue: sql`${queue}::text`, user: sql`${user ?? ''}::text` };
  return sql<number>`greatest(${firstIn(line)}, ${lastOf(line)} + 1, 0)`;
}

interface LineInSql {
  readonly queue: RawBuilder<unknown>;
  readonly user: RawBuilder<unknown>;
}

function firstIn({ queue }: LineInSql) {
  return sql`(select min(fair_rank) from longhaul.runs
    where queue = ${queue} and status = 'queued' and start_after is null)`;
}

/**
 * The last row of an index up to where the user's last would be, when it is the user's. No other index can answer that:
 * for the greatest of the user's own, PostgreSQL without statistics takes one that reads the whole line of a user who has
 * none in it.
 */
function lastOf({ queue, user }: LineInSql) {
  return sql`(select rank from (
    select queue, coalesce(user_id, '') as user_id, fair_rank as rank from longhaul.runs
     where status = 'queued' and start_after is null
       and (queue, coalesce(user_id, ''), fair_rank) <= (${queue}, ${user}, 9223372036854775807)
     order by queue desc, coalesce(user_id, '') desc, fair_rank desc limit 1) as last
    where queue = ${queue} and user_id = ${user})`;
}

/** A line within a queue: the runs of one user, or of none. */
interface Line {
  readonly queue: string;
  readonly user: string | null;
}

/**
 * The ranks of runs that are submitted now, one after the other; one with a time to wait for holds up none after it. In
 * one statement: as many subqueries as runs would take seconds to plan.
 */
export async function nextFairRanks(
  trx: Transaction,
  runs: readonly (Line & { readonly isDelayed: boolean })[],
): Promise<(number | ReturnType<typeof nextFairRank>)[]> {
  if (runs.length === 1) return runs.map(nextFairRank);
  const lines = new Map(runs.map(({ queue, user }) => [toKey({ queue, user }), { queue, user }]));
  const entries = JSON.stringify([...lines].map(([key, line]) => ({ key, ...line })));
  const line = { queue: sql`line.queue`, user: sql`line.user_id` };
  const { rows } = await sql<{ key: string; rank: number }>`
    with line as (
      select entry ->> 'key' as key, entry ->> 'queue' as queue, coalesce(entry ->> 'user', '') as user_id
        from json_array_elements(${entries}::json) as entry)
    select key, greatest(${firstIn(line)}, ${lastOf(line)} + 1, 0)::int as rank from line`.execute(trx);
  const next = new Map(rows.map(({ key, rank }) => [key, rank]));
  return runs.map(({ queue, user, isDelayed }) => {
    const key = toKey({ queue, user });
    const rank = next.get(key) ?? 0;
    if (!isDelayed) next.set(key, rank + 1);
    return rank;
  });
}

function toKey({ queue, user }: Line): string {
  return JSON.stringify([queue, user]);
}

/** Ranks that fit between two priorities: -100 to 100 of them in the 32 bits of a queue's own priority. */
const RANKS = 10_000_000;

interface Place {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly fair_rank: number;
}

/** The message that brings a run out of line: by its priority, and among equals by its rank. */
export function toMessage({ id, queue, priority, fair_rank }: Place, startAfter: Date | null = null): QueueMessage {
  return { runId: id, queue, priority: priority * RANKS - Math.min(fair_rank, RANKS - 1), startAfter };
}
