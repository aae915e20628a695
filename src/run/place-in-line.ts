import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';
import type { QueueMessage } from '../queue/queue.ts';

/**
 * The rank of a run that is submitted now, as SQL for an insert: one more than its user's last in line, and never less
 * than the first in line. So the runs of all users are taken in turn, each one's own in their order, and one who comes new
 * stands beside the first of the others, however many those have waiting (start-time fair queueing; Goyal, Vin and Cheng,
 * SIGCOMM 1996). Two submissions of a user at once may get one rank, which does no harm.
 */
export function nextFairRank({ queue, user }: { queue: string; user: string | null }) {
  return sql<number>`greatest(
    (select min(fair_rank) from longhaul.runs
      where queue = ${queue} and status = 'queued' and start_after is null),
    (select max(fair_rank) + 1 from longhaul.runs
      where queue = ${queue} and coalesce(user_id, '') = ${user ?? ''} and status = 'queued' and start_after is null),
    0)`;
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
  const { rows } = await sql<{ key: string; rank: number }>`
    with line as (
      select entry ->> 'key' as key, entry ->> 'queue' as queue, coalesce(entry ->> 'user', '') as user_id
        from json_array_elements(${JSON.stringify([...lines].map(([key, line]) => ({ key, ...line })))}::json) as entry),
    first as materialized (
      select queue, min(fair_rank) as rank from longhaul.runs
       where queue in (select queue from line) and status = 'queued' and start_after is null group by queue),
    last as materialized (
      select queue, coalesce(user_id, '') as user_id, max(fair_rank) + 1 as rank from longhaul.runs
       where queue in (select queue from line) and status = 'queued' and start_after is null
       group by queue, coalesce(user_id, ''))
    select line.key, greatest(first.rank, last.rank, 0)::int as rank
      from line left join first using (queue) left join last using (queue, user_id)`.execute(trx);
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
