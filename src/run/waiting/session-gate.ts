import { sql, type Selectable } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Queue } from '../../queue/queue.ts';
import { toQueueMessage } from './place-in-line.ts';

/**
 * The gate of a session: its runs execute one after the other, in the order of submission. A run that is submitted
 * while an earlier one is unfinished is held by `longhaul.take_session_turn`, and queued when that one ends.
 */

/** Runs queued in one transaction. */
const BATCH_SIZE = 200;

/**
 * Queues the next run of a session, if it is held. Call it after the end of one of its runs was written in `trx`, and
 * before money is booked.
 */
export async function releaseNextInSession(
  trx: Transaction,
  { queue, sessionId }: { queue: Queue; sessionId: string },
): Promise<void> {
  const { rows } = await sql<Place>`
    select ${PLACE} from longhaul.release_next_in_session(${sessionId})`.execute(trx);
  for (const place of rows) await queue.enqueue(trx, toQueueMessage(place, place.start_after));
}

/**
 * Returns whether an earlier run of the same session is unfinished. Locks the session, so that the end of that run
 * comes later.
 */
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

/**
 * Queues runs that are held although no unfinished run is before them. Returns their number, which is 0 unless
 * something failed before.
 */
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
    for (const place of rows) await queue.enqueue(trx, toQueueMessage(place, place.start_after));
    return rows.length;
  };
  return retryDeadlock(() => database.sql.transaction().execute(release));
}

type Place = Parameters<typeof toQueueMessage>[0] & { readonly start_after: Date | null };

const PLACE = sql.raw('id, queue, priority, fair_rank, start_after');
