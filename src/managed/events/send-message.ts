import type { Caller } from '../../access/caller.ts';
import { createId } from '../../core/ids.ts';
import { countCharacters } from '../../core/text.ts';
import type { Transaction } from '../../db/database.ts';
import { insertRuns } from '../../run/accept/insert-runs.ts';
import { leaveMessage } from '../../run/accept/leave-message.ts';
import type { Submission } from '../../run/accept/submission.ts';
import { interruptSession } from '../../run/accept/while-busy.ts';
import type { Run } from '../../run/run.ts';
import type { ManagedDeps } from '../deps.ts';
import { invalid } from '../error.ts';
import { toRowId } from '../log/event-ids.ts';
import { toMessage } from '../log/message-event.ts';
import type { ManagedEvent } from '../log/managed-event.ts';
import { note } from '../log/notes.ts';
import { isSpent } from '../sessions/budget.ts';
import type { ManagedSession } from '../sessions/session.ts';
import type { StoredEvent } from './event-schema.ts';

/** An event to send, with its locked session and its sender. */
export interface Sending<T extends StoredEvent['type']> {
  readonly deps: Pick<ManagedDeps, 'config' | 'queue'>;
  readonly session: ManagedSession;
  readonly caller: Caller;
  /** The actor for the audit record of runs. Defaults to the caller. */
  readonly actor?: string | undefined;
  readonly event: Extract<StoredEvent, { type: T }>;
}

const AT_BUDGET =
  'The session has reached its budget. Until that is raised it accepts only user.tool_confirmation, user.custom_tool_result and user.interrupt.';

/**
 * Sends a message: a running run reads it after its next tool; otherwise it becomes a turn.
 * @throws {ManagedError} when the message is too long, or the session has no money left.
 */
export async function sendMessage(trx: Transaction, sending: Sending<'user.message'>): Promise<ManagedEvent> {
  const { deps, session, event } = sending;
  if (isSpent(session)) throw invalid(AT_BUDGET, 'budget_reached');
  const submission = { ...toSubmission(sending, event.prompt), parts: event.parts };
  const id = createId();
  const runId = await leaveMessage(trx, { submission, id, request: null });
  if (runId === null) {
    await insertRuns(trx, { queue: deps.queue, rules: deps.config, ids: [id], submissions: [submission] });
  }
  return toMessage(id, event, null).event;
}

/** Cancels every unfinished run of the session. Returns the event, and the runs that were cancelled at once. */
export async function interrupt(
  trx: Transaction,
  sending: Sending<'user.interrupt'>,
): Promise<{ readonly event: ManagedEvent; readonly cancelled: readonly Run[] }> {
  const { deps, session } = sending;
  // An idle session has nothing to interrupt, and its log does not mention it.
  if (session.isAtBudget || !(await isWorking(trx, session))) {
    const event = { id: toRowId(createId()), type: 'user.interrupt', processed_at: new Date().toISOString() };
    return { event, cancelled: [] };
  }
  const event = await note(trx, { sessionId: session.id, type: 'user.interrupt', data: {} });
  const cancelled = await interruptSession(trx, {
    deps: { queue: deps.queue, rules: deps.config },
    submission: toSubmission(sending, ''),
    except: createId(),
  });
  return { event, cancelled };
}

function toSubmission(
  { deps, session, caller, actor }: Pick<Sending<'user.message'>, 'deps' | 'session' | 'caller' | 'actor'>,
  prompt: string,
): Submission {
  const agent = deps.config.agents.get(session.runsAs);
  if (agent === undefined) throw invalid(`The agent "${session.runsAs}" is not configured any more.`);
  const { maxPromptLength } = agent.limits;
  const length = countCharacters(prompt);
  if (length > maxPromptLength)
    throw invalid(`content: must have at most ${maxPromptLength} characters of text; it has ${length}`);
  return {
    agent: { ...agent, whileBusy: 'steer' },
    prompt,
    user: session.user,
    team: session.team,
    tenant: session.tenant,
    metadata: {},
    priority: 0,
    startAfter: null,
    limits: agent.limits,
    requestedLimits: {},
    session: { id: session.id, isFork: false },
    retryOf: null,
    idempotencyKey: null,
    createdBy: caller.keyId,
    ...(actor !== undefined && { actor }),
  };
}

async function isWorking(trx: Transaction, { id }: ManagedSession): Promise<boolean> {
  const row = await trx
    .selectFrom('longhaul.runs')
    .select('id')
    .where('session_id', '=', id)
    .where('finished_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
