import { sql } from 'kysely';
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
