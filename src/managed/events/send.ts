import { toViewer, type Caller } from '../../access/caller.ts';
import { hasScope } from '../../access/scopes.ts';
import { toUserKey } from '../../core/user-key.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { createRateLimits, toRateLimitError } from '../../run/accept/rate-limits.ts';
import type { FileOwners } from '../../run/attachments/files.ts';
import type { Run } from '../../run/run.ts';
import type { ManagedDeps } from '../deps.ts';
import { invalid, ManagedError } from '../error.ts';
import type { ManagedEvent } from '../log/managed-event.ts';
import type { ManagedSession } from '../sessions/session.ts';
import { confirm, takeResult } from './answer-asked-use.ts';
import { checkEvents, type SentEvent, type StoredEvent } from './event-schema.ts';
import { storeContent } from './message-content.ts';
import { interrupt, sendMessage } from './send-message.ts';

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
  count(events: readonly SentEvent[], session: Pick<FileOwners, 'user' | 'tenant'>): Promise<void>;
  /**
   * Stores the images and documents in messages to a session, with the connection, or the transaction, `db`. `name` is the place
   * of the events in the request; it defaults to `events`.
   * @throws {ManagedError} for a file that is not there, or that no agent can read.
   */
  store(
    db: Pick<Database, 'sql'>,
    sent: { events: readonly SentEvent[]; session: FileOwners; name?: string },
  ): Promise<StoredEvent[]>;
  /**
   * Sends events to a locked session, all or none, in order.
   * @throws {ManagedError} for a confirmation or a result that nothing waits for; the errors of `insertRuns` for a message.
   */
  send(trx: Transaction, sending: { session: ManagedSession; events: readonly StoredEvent[] }): Promise<Sent>;
}

/** Creates a sender. `actor` is named in the audit record of runs; it defaults to the caller. */
export function createSender(
  deps: Pick<ManagedDeps, 'config' | 'database' | 'queue'>,
  caller: Caller,
  actor?: string,
): Sender {
  const { config, database } = deps;
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
    async store(db, { events, session: { user, team, tenant }, name = 'events' }) {
      const owners = { user, team, tenant };
      const stored: StoredEvent[] = [];
      for (const [index, event] of events.entries()) {
        if (event.type !== 'user.message') {
          stored.push(event);
          continue;
        }
        const { type, content } = event;
        const prompt = content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n');
        const path = `${name}[${index}].content`;
        const parts = await storeContent(db, content, { viewer: toViewer(caller), owners, path });
        stored.push({ type, prompt, parts });
      }
      return stored;
    },
    async send(trx, { session, events }) {
      if (session.archivedAt !== null) throw invalid('The session is archived: nothing can be sent to it.');
      const sent: ManagedEvent[] = [];
      const cancelled: Run[] = [];
      const sending = { deps, session, caller, actor };
      for (const event of events) {
        switch (event.type) {
          case 'user.message':
            sent.push(await sendMessage(trx, { ...sending, event }));
            break;
          case 'user.interrupt': {
            const interrupted = await interrupt(trx, { ...sending, event });
            sent.push(interrupted.event);
            cancelled.push(...interrupted.cancelled);
            break;
          }
          case 'user.tool_confirmation':
            sent.push(await confirm(trx, { ...sending, event }));
            break;
          case 'user.custom_tool_result':
            sent.push(await takeResult(trx, { ...sending, event }));
        }
      }
      return { events: sent, cancelled };
    },
  };
}

function requireScopeOf({ scopes }: Caller, type: SentEvent['type']): void {
  const scope = type === 'user.tool_confirmation' ? 'approvals' : 'runs:write';
  if (!hasScope(scopes, scope))
    throw new ManagedError('permission_error', `\`${type}\` needs a key with the scope ${scope}.`);
}
