import { sql } from 'kysely';
import { toUserKey, type Owner } from '../../core/user-key.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { Queue } from '../../queue/queue.ts';
import type { TRIED_AGAIN } from './park.ts';
import { toQueueMessage } from './place-in-line.ts';
import { USER_KEY } from '../user-key.ts';

/** Runs queued in one transaction. */
const BATCH_SIZE = 200;

/**
 * Queues runs that wait for a budget or a provider limit now: the budget was raised, or the limit has ended. The claim
 * of a run that still has to wait parks it again. A run that waits for the budget of its session is left out: only a
 * change of that budget queues it. Returns their number.
 *
 * Does not lock their rows: a claim holds a run's message when it locks the row, and each would wait for the other. The
 * claim drops a message for a run that no longer waits.
 */
export async function wakeRuns(
  { database, queue }: { database: Database; queue: Queue },
  { waitingFor, userKey, team }: { waitingFor: (typeof TRIED_AGAIN)[number]; userKey?: string; team?: string },
): Promise<number> {
  let woken = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await database.sql
      .selectFrom('longhaul.runs')
      .select(['id', 'queue', 'priority', 'fair_rank'])
      .where('status', '=', 'waiting')
      .where('waiting_for', '=', waitingFor)
      .where('waits_for_scope', 'is distinct from', 'session')
      .where('id', '>', after)
      .$if(userKey !== undefined, (runs) => runs.where(USER_KEY, '=', userKey!))
      .$if(team !== undefined, (runs) => runs.where('team', '=', team!))
      .where(sql<boolean>`${IS_DUE}`)
      .orderBy('id')
      .limit(BATCH_SIZE)
      .execute();
    await putInLine({ database, queue }, rows);
    woken += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < BATCH_SIZE) return woken;
  }
}

/**
 * Queues the runs that may fit into the money that a run has released: the next that waits for its user's budget, for
 * its team's and for the global one. A run that still does not fit continues to wait.
 */
export async function wakeNext({ database, queue }: { database: Database; queue: Queue }, owner: Payer): Promise<void> {
  await putInLine({ database, queue }, await findNext(database.preparedSql, owner));
}

/** Queues runs as `wakeNext` does, in the transaction that releases the money. */
export async function wakeNextWithin(trx: Transaction, { queue }: { queue: Queue }, owner: Payer): Promise<void> {
  await requeueAll(trx, queue, await findNext(trx, owner));
}

/** The user and team whose budgets a run counts for. */
type Payer = Owner & { readonly team: string | null };

async function findNext(
  database: Database['sql'] | Transaction,
  { user, team, tenant }: Payer,
): Promise<Parameters<typeof toQueueMessage>[0][]> {
  const { rows } = await sql<Parameters<typeof toQueueMessage>[0]>`
    (select id, queue, priority, fair_rank from longhaul.runs
      where waits_for_scope = 'user' and ${USER_KEY} = ${toUserKey({ user, tenant })} and ${IS_DUE} order by priority desc, fair_rank, id limit 1)
    union all
    (select id, queue, priority, fair_rank from longhaul.runs
      where waits_for_scope = 'team' and team = ${team} and ${IS_DUE} order by priority desc, fair_rank, id limit 1)
    union all
    (select id, queue, priority, fair_rank from longhaul.runs
      where waits_for_scope = 'global' and ${IS_DUE} order by priority desc, fair_rank, id limit 1)`.execute(database);
  return rows;
}

/** Equals the time for which a provider limit is believed: see the worker's governor. */
const OVERDUE_AFTER = sql.lit('1 hour');

/** Runs that try the provider at once. */
const OVERDUE_BATCH = 10;

/**
 * Queues the runs that have waited longest, for an hour or more, for a provider limit, when no provider limit is in
 * force any more: the limit was wrong, or the worker that knew of its end could not report it. A run that still has to
 * wait for the provider is parked again by its next attempt. Returns their number.
 */
export async function wakeOverdue({ database, queue }: { database: Database; queue: Queue }): Promise<number> {
  const { rows } = await sql<Parameters<typeof toQueueMessage>[0]>`
    select id, queue, priority, fair_rank from longhaul.runs
     where status = 'waiting' and waiting_for = 'provider_limit' and parked_at < now() - interval ${OVERDUE_AFTER}
       and not exists (select from longhaul.provider_limits where until > now())
     order by id limit ${sql.lit(OVERDUE_BATCH)}`.execute(database.sql);
  await putInLine({ database, queue }, rows);
  return rows.length;
}

const IS_DUE = sql`status = 'waiting' and (start_after is null or start_after <= now())`;

async function putInLine(
  { database, queue }: { database: Database; queue: Queue },
  places: readonly Parameters<typeof toQueueMessage>[0][],
): Promise<void> {
  if (places.length === 0) return;
  await retryDeadlock(() => database.sql.transaction().execute((trx) => requeueAll(trx, queue, places)));
}

async function requeueAll(
  trx: Transaction,
  queue: Queue,
  places: readonly Parameters<typeof toQueueMessage>[0][],
): Promise<void> {
  // In one order: of two that wake the same runs the second waits for the first.
  const inOrder = places.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const place of inOrder) await queue.requeue(trx, toQueueMessage(place));
}
