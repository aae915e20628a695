import { sql, type Selectable } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import { toMessage } from './place-in-line.ts';

/**
 * The gate of a conversation: its runs go one after the other, in the order in which they were submitted. One that comes
 * while an earlier is not over is held, by `longhaul.take_session_turn`, and put in line by that one's end.
 */

/** Runs put in line in one transaction. */
const BATCH_SIZE = 200;

/**
 * Puts the next run of a conversation in line, when it is held. To be done when an end of one of its runs was written in
 * `trx`, and before money is booked.
 */
export async function releaseNextInSession(
  trx: Transaction,
  { queue, sessionId }: { queue: Queue; sessionId: string },
): Promise<void> {
  const { rows } = await sql<Place>`
    select ${PLACE} from longhaul.release_next_in_session(${sessionId})`.execute(trx);
  for (const place of rows) await queue.enqueue(trx, toMessage(place, place.start_after));
}

/** Whether an earlier run of a run's conversation is not over. The session stays locked, so that its end comes later. */
export async function isBehindAnother(
  trx: Transaction,
  { session_id: sessionId, session_turn: turn }: Pick<Selectable<RunsTable>, 'session_id' | 'session_turn'>,
): Promise<boolean> {
  if (turn === 1) return false;
  await sql`select from longhaul.sessions where id = ${sessionId} for update`.execute(trx);
  const { rows } = await sql`
    select from longhaul.runs
     where session_id = ${sessionId} and session_turn < ${turn} and finished_at is null limit 1`.execute(trx);
  return rows.length > 0;
}

/** Puts in line what is held though nothing stands before it any more. Returns how many: none, unless all went wrong. */
export async function sweepHeldInSessions({ database, queue }: { database: Database; queue: Queue }): Promise<number> {
  const release = async (trx: Transaction) => {
    const { rows } = await sql<Place>`
      update longhaul.runs set held_for = null
       where held_for = 'session' and id in (
         select id from longhaul.runs as held
          where held_for = 'session'
            and not exists (select from longhaul.runs as earlier
                             where earlier.session_id = held.session_id and earlier.session_turn < held.session_turn
                               and earlier.finished_at is null)
          limit ${sql.lit(BATCH_SIZE)} for update skip locked)
      returning ${PLACE}`.execute(trx);
    for (const place of rows) await queue.enqueue(trx, toMessage(place, place.start_after));
    return rows.length;
  };
  return retryDeadlock(() => database.sql.transaction().execute(release));
}

type Place = Parameters<typeof toMessage>[0] & { readonly start_after: Date | null };

const PLACE = sql.raw('id, queue, priority, fair_rank, start_after');
