import { sql } from 'kysely';
import { isFinalEvent, type NewEvent } from '../../core/events.ts';
import { notifyAfterCommit } from '../../db/after-commit.ts';
import { CHANNELS, type Database, type Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { mayChangeStatus, noteStatusOfEvents } from '../webhooks/note-session-status.ts';
import { writeEvents } from './write-events.ts';

/** A worker's right to write to a run. It is void as soon as another lease is granted. */
export interface Lease {
  readonly runId: string;
  readonly fence: number;
}

interface AppendOptions {
  readonly runId: string;
  readonly attempt: number;
  readonly events: readonly NewEvent[];
}

/**
 * Adds events to a run whose row the caller has locked in this transaction, and numbers them on from the last one.
 * Notifies watchers after the commit: as part of it, the notification would make the end of an attempt wait for its turn
 * while it holds the sums of all attempts.
 */
export async function appendEvents(trx: Transaction, { runId, attempt, events }: AppendOptions): Promise<void> {
  if (events.length === 0) return;
  const { rows } = await sql<Written>`
    with log as (
      update longhaul.runs set event_seq = event_seq + ${events.length} where id = ${runId}
      returning id as run_id, event_seq - ${events.length} as last_seq, ${JSON.stringify(events)}::json as events,
                user_id, team, tenant, ${MANAGED_SESSION} as "sessionId"),
    written as (${writeEvents(attempt)})
    select "sessionId" from log`.execute(trx);
  notifyWatchers(trx, { runId, events });
  await noteStatus(trx, { runId, events }, rows);
}

/** Notifies the watchers of these events once `trx` is committed. */
export function notifyWatchers(trx: Transaction, { runId, events }: Pick<AppendOptions, 'runId' | 'events'>): void {
  notifyAfterCommit(trx, CHANNELS.events, runId);
  if (events.some(isFinalEvent)) notifyAfterCommit(trx, CHANNELS.ends, runId);
}

/** A row of a statement that has written events. */
interface Written {
  /** The managed session of their run; null: it is of none. */
  readonly sessionId: string | null;
}

/** SQL: the managed session of the run; null when it is of none. */
const MANAGED_SESSION = sql`case when is_managed then session_id end`;

/** Reports what the events mean for the managed session of their run. */
async function noteStatus(
  trx: Transaction,
  { runId, events }: Pick<AppendOptions, 'runId' | 'events'>,
  rows: readonly Written[],
): Promise<void> {
  const sessionId = rows[0]?.sessionId ?? null;
  if (sessionId !== null) await noteStatusOfEvents(trx, { runId, sessionId, events });
}

interface RecordOptions extends AppendOptions {
  readonly lease: Lease;
  /** The `seq` of the last event before these, as the attempt knows it: no other process writes events. */
  readonly lastSeq: number;
}

/**
 * Adds a batch of events of a running attempt in one statement, so that it costs one round trip, and a transaction only
 * when it may change the status that a managed session shows. The caller may repeat it when the outcome of the first try
 * is unknown: the batch is written once. Returns false, and writes nothing, when the caller no longer holds the lease.
 * Watchers are notified afterwards: a batch that notifies by itself waits for the disk alone, behind all others that do.
 *
 * Locks the run's row; a takeover that locks it first changes the fence, and this statement then matches nothing.
 */
export async function recordEvents(database: Database, options: RecordOptions): Promise<boolean> {
  const { events, lease, lastSeq } = options;
  const rows = mayChangeStatus(events)
    ? await retryDeadlock(() => database.preparedSql.transaction().execute((trx) => writeWithStatus(trx, options)))
    : await writeBatch(database.preparedSql, options);
  const isWritten = rows.length > 0 || (await wasWrittenBefore(database, { ...lease, seq: lastSeq + events.length }));
  if (isWritten) database.notify(CHANNELS.events, lease.runId);
  return isWritten;
}

async function writeWithStatus(trx: Transaction, options: RecordOptions): Promise<readonly Written[]> {
  const rows = await writeBatch(trx, options);
  await noteStatus(trx, options, rows);
  return rows;
}

async function writeBatch(database: Database['sql'], options: RecordOptions): Promise<readonly Written[]> {
  const { runId, attempt, events, lease, lastSeq } = options;
  const { rows } = await sql<Written>`
    with log as (
      update longhaul.runs set event_seq = event_seq + ${events.length}
       where id = ${runId} and fence = ${lease.fence} and status = 'running' and event_seq = ${lastSeq}
      returning id as run_id, event_seq - ${events.length} as last_seq, ${JSON.stringify(events)}::json as events,
                user_id, team, tenant, ${MANAGED_SESSION} as "sessionId"),
    written as (${writeEvents(attempt)})${noteMessages(events)}${noteApprovals(events)}
    select log."sessionId" from log`.execute(database);
  return rows;
}

/** Marks messages as taken up in the statement that writes their events: both, or neither. */
function noteMessages(events: readonly NewEvent[]) {
  const ids = events.flatMap((event) => (event.type === 'run.message' ? [event.data.messageId] : []));
  if (ids.length === 0) return sql``;
  return sql`,
    told as (
      update longhaul.messages set taken_up_at = coalesce(taken_up_at, now()), is_told = true
        from log where id = any(${ids}::uuid[]))`;
}

/** Marks approvals as reported in the statement that writes their events: both, or neither. */
function noteApprovals(events: readonly NewEvent[]) {
  const idsOf = (type: 'approval.requested' | 'approval.resolved') =>
    events.flatMap((event) => (event.type === type ? [event.data.approvalId] : []));
  const [requested, resolved] = [idsOf('approval.requested'), idsOf('approval.resolved')];
  if (requested.length + resolved.length === 0) return sql``;
  return sql`,
    asked as (
      update longhaul.approvals as approval
         set is_requested_told = true,
             is_resolved_told = is_resolved_told or approval.id = any(${sql.val(resolved)}::uuid[])
        from log where approval.id = any(${sql.val([...requested, ...resolved])}::uuid[]))`;
}

/** Returns whether the log of a run whose lease is still ours already ends where this batch would end it. */
async function wasWrittenBefore(database: Database, { runId, fence, seq }: Lease & { seq: number }): Promise<boolean> {
  const row = await database.sql
    .selectFrom('longhaul.runs')
    .select('id')
    .where('id', '=', runId)
    .where('fence', '=', fence)
    .where('status', '=', 'running')
    .where('event_seq', '=', seq)
    .executeTakeFirst();
  return row !== undefined;
}
