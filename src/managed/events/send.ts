import type { Caller } from '../../access/caller.ts';
import { hasScope } from '../../access/scopes.ts';
import { keyActor } from '../../audit/actors.ts';
import { createId } from '../../core/ids.ts';
import { countCharacters } from '../../core/text.ts';
import { toUserKey } from '../../core/user-key.ts';
import type { Transaction } from '../../db/database.ts';
import { createRateLimits, toRateLimitError } from '../../run/accept/rate-limits.ts';
import { insertRuns } from '../../run/accept/insert-runs.ts';
import { leaveMessage } from '../../run/accept/leave-message.ts';
import type { Submission } from '../../run/accept/submission.ts';
import { interruptSession } from '../../run/accept/while-busy.ts';
import { decideWithin } from '../../run/approvals/decide-approval.ts';
import type { Run } from '../../run/run.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import type { ManagedDeps } from '../deps.ts';
import { invalid, ManagedError } from '../error.ts';
import { toRowId } from '../log/event-ids.ts';
import type { ManagedEvent } from '../log/managed-event.ts';
import { note } from '../log/notes.ts';
import type { NewSession } from '../sessions/change-sessions.ts';
import type { ManagedSession } from '../sessions/session.ts';
import { checkEvents, type SentEvent } from './event-schema.ts';
import { findAskedUse } from './find-asked-use.ts';

/** The result of sending events. */
export interface Sent {
  /** The events as they stand now, in order: a message that waits has no `processed_at`. */
  readonly events: readonly ManagedEvent[];
  /** Runs that an interrupt has ended at once. Call `wakeAfterEnd` for each after the commit. */
  readonly cancelled: readonly Run[];
}

/** Sends the events of one caller to sessions. */
export interface Sender {
  /** @throws {ManagedError} for an event that is wrong, not supported, or needs another scope. */
  check(events: readonly unknown[], name?: string): SentEvent[];
  /** Counts messages against the rate limits. @throws {LonghaulError} `rate_limited`. */
  count(events: readonly SentEvent[], session: Pick<NewSession, 'user' | 'tenant'>): Promise<void>;
  /**
   * Sends events to a locked session, all or none, in order.
   * @throws {ManagedError} for a confirmation that nothing waits for; the errors of `insertRuns` for a message.
   */
  send(trx: Transaction, sending: { session: ManagedSession; events: readonly SentEvent[] }): Promise<Sent>;
}

export function createSender(deps: ManagedDeps, caller: Caller): Sender {
  const { config, database, queue } = deps;

  function toSubmission(session: ManagedSession, prompt: string): Submission {
    const agent = config.agents.get(session.runsAs);
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
    };
  }

  /** A running run reads the message after its next tool; otherwise the message becomes a turn. */
  async function sendMessage(trx: Transaction, session: ManagedSession, texts: readonly string[]) {
    const submission = toSubmission(session, texts.join('\n\n'));
    const id = createId();
    const runId = await leaveMessage(trx, { submission, id, request: null });
    if (runId === null) await insertRuns(trx, { queue, rules: config, ids: [id], submissions: [submission] });
    return id;
  }

  async function interrupt(trx: Transaction, session: ManagedSession): Promise<Sent> {
    const submission = toSubmission(session, '');
    // An idle session has nothing to interrupt, and no event says so.
    if (!(await isWorking(trx, session))) return { events: [toInterrupt(createId())], cancelled: [] };
    const noted = await note(trx, { sessionId: session.id, type: 'user.interrupt', data: {} });
    const cancelled = await interruptSession(trx, { deps: { queue, rules: config }, submission, except: createId() });
    return { events: [noted], cancelled };
  }

  async function confirm(
    trx: Transaction,
    session: ManagedSession,
    event: Extract<SentEvent, { type: 'user.tool_confirmation' }>,
  ): Promise<ManagedEvent> {
    const id = await findAskedUse(trx, { sessionId: session.id, eventId: event.tool_use_id });
    const reason = event.deny_message ?? null;
    const decided =
      id === null
        ? null
        : await decideWithin(trx, {
            deps: { queue },
            id,
            viewer: SEES_ALL,
            actor: keyActor(caller),
            decision: { status: event.result === 'allow' ? 'allowed' : 'denied', updatedInput: null, reason },
          });
    if (id === null || decided?.outcome !== 'decided')
      throw invalid(`tool_use_id: ${event.tool_use_id} does not wait for a confirmation.`);
    const { tool_use_id, result } = event;
    return {
      id: toRowId(id),
      type: 'user.tool_confirmation',
      processed_at: new Date().toISOString(),
      tool_use_id,
      result,
      ...(reason !== null && { deny_message: reason }),
    };
  }

  return {
    check(events, name = 'events') {
      const checked = checkEvents(events, name);
      for (const { type } of checked) requireScopeOf(caller, type);
      return checked;
    },
    async count(events, session) {
      const messages = events.filter(({ type }) => type === 'user.message');
      if (messages.length === 0) return;
      const users = messages.map(() => toUserKey(session));
      const counted = await createRateLimits({ database, limits: config.limits }).count({ users, keyId: caller.keyId });
      if (counted.isRefused) throw toRateLimitError(counted.states, { submissions: messages.length });
    },
    async send(trx, { session, events }) {
      if (session.archivedAt !== null) throw invalid('The session is archived: nothing can be sent to it.');
      const sent: ManagedEvent[] = [];
      const cancelled: Run[] = [];
      for (const event of events) {
        if (event.type === 'user.message') {
          const id = await sendMessage(
            trx,
            session,
            event.content.map(({ text }) => text),
          );
          sent.push({ id: toRowId(id), type: event.type, processed_at: null, content: event.content });
        } else if (event.type === 'user.interrupt') {
          const interrupted = await interrupt(trx, session);
          sent.push(...interrupted.events);
          cancelled.push(...interrupted.cancelled);
        } else {
          sent.push(await confirm(trx, session, event));
        }
      }
      return { events: sent, cancelled };
    },
  };
}

function toInterrupt(id: string): ManagedEvent {
  return { id: toRowId(id), type: 'user.interrupt', processed_at: new Date().toISOString() };
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

function requireScopeOf({ scopes }: Caller, type: SentEvent['type']): void {
  const scope = type === 'user.tool_confirmation' ? 'approvals' : 'runs:write';
  if (!hasScope(scopes, scope))
    throw new ManagedError('permission_error', `\`${type}\` needs a key with the scope ${scope}.`);
}
