import { sql } from 'kysely';
import { parse } from 'uuid';
import { toBase32 } from '../../core/base32.ts';
import { isFinalEvent, type EventData, type EventType, type NewEvent } from '../../core/events.ts';
import type { ManagedWebhookEvent } from '../../core/webhooks.ts';
import type { Transaction } from '../../db/database.ts';
import { noteManagedWebhooks } from './note-managed-webhooks.ts';

/**
 * The status that the events of a managed session show, which its webhooks report. It follows from the events of its
 * runs as the session's log does (`managed/log/project-turn.ts`), but readers of the log begin somewhere, and a webhook is
 * written once: so the status is kept beside the session, and changed by the transaction that writes the event.
 */
export type ShownStatus = 'running' | 'idle' | 'requires_action' | 'at_budget' | 'rescheduling';

/** Queues the webhook deliveries of events of a session. It must still exist. */
export function noteSessionWebhooks(
  trx: Transaction,
  { sessionId, types }: { sessionId: string; types: readonly ManagedWebhookEvent[] },
): Promise<void> {
  // The id as `toWireId` of `managed/ids.ts` makes it.
  return noteManagedWebhooks(trx, { types, subject: `sesn_${toBase32(parse(sessionId))}`, sessionId });
}

/** Changes the status that a managed session shows, and queues the webhook deliveries of what has changed. */
export async function noteSessionStatus(
  trx: Transaction,
  { sessionId, status }: { sessionId: string; status: ShownStatus },
): Promise<void> {
  const { rows } = await sql<{ was: ShownStatus; isSpent: boolean }>`
    update longhaul.managed_sessions as managed set shown_status = ${status}
      from (select id, shown_status from longhaul.managed_sessions where id = ${sessionId} for update) as before
     where managed.id = before.id
    returning before.shown_status as was,
              case when ${status === 'idle'}::boolean and budget_micros is not null
                   then budget_micros <= (select sum(cost_micros) from longhaul.runs where session_id = managed.id)
                   else false end as "isSpent"`.execute(trx);
  if (rows[0] === undefined) return;
  const types = toTypes(status, rows[0]);
  if (types.length > 0) await noteSessionWebhooks(trx, { sessionId, types });
}

/** Returns the events that a change of status stands for. */
function toTypes(
  status: ShownStatus,
  { was, isSpent }: { was: ShownStatus; isSpent: boolean },
): readonly ManagedWebhookEvent[] {
  switch (status) {
    case 'running':
      return was === 'running' ? [] : ['session.status_run_started'];
    case 'rescheduling':
      return ['session.status_rescheduled'];
    case 'requires_action':
      return ['session.status_idled', 'session.requires_action'];
    case 'at_budget':
      // A session that was idle already has said why.
      return was === 'requires_action' ? [] : ['session.status_idled', 'session.budget_reached'];
    case 'idle':
      if (was === 'at_budget') return [];
      return isSpent ? ['session.status_idled', 'session.budget_reached'] : ['session.status_idled'];
  }
}

interface Written {
  readonly runId: string;
  readonly sessionId: string;
  /** Events of the run that `trx` has just written. */
  readonly events: readonly NewEvent[];
}

/**
 * Changes the status that a managed session shows to what the events of a run say. A status that others followed in the
 * same transaction was never seen, and is not told. A run's end is not told here: it leaves the session idle, or another
 * run takes over (`noteIdle`).
 */
export async function noteStatusOfEvents(trx: Transaction, { runId, sessionId, events }: Written): Promise<void> {
  if (events.some(isFinalEvent)) return;
  const said = events.map(toStatus).findLast((status) => status !== null) ?? null;
  if (said === null) return;
  const status = said === 'decided' ? await findStatusOfDecided(trx, runId) : said;
  await noteSessionStatus(trx, { sessionId, status });
}

/** Returns whether events may change the status that a session shows while its run continues. */
export function mayChangeStatus(events: readonly NewEvent[]): boolean {
  return events.some((event) => toStatus(event) !== null);
}

type Said = ShownStatus | 'decided' | null;

/** The status that an event stands for; null: it leaves the status as it is, as all other events do. */
const SAID: { readonly [T in EventType]?: (data: EventData[T]) => Said } = {
  'run.started': () => 'running',
  'run.retrying': () => 'rescheduling',
  'run.waiting'({ scope, waitingFor }) {
    if (scope === 'session') return 'at_budget';
    return waitingFor === 'approval' ? null : 'rescheduling';
  },
  'approval.requested': () => 'requires_action',
  'approval.resolved': ({ decision }) => (decision === 'cancelled' ? null : 'decided'),
};

function toStatus({ type, data }: NewEvent): Said {
  const say = SAID[type] as ((data: NewEvent['data']) => Said) | undefined;
  return say?.(data) ?? null;
}

/** After a decision a session runs, unless its log asks for another decision. */
async function findStatusOfDecided(trx: Transaction, runId: string): Promise<ShownStatus> {
  const asked = await trx
    .selectFrom('longhaul.approvals')
    .select('id')
    .where('run_id', '=', runId)
    .where('is_requested_told', '=', true)
    .where('is_resolved_told', '=', false)
    .limit(1)
    .executeTakeFirst();
  return asked === undefined ? 'running' : 'requires_action';
}
