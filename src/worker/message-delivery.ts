import type { SteeringMessage } from '../agent/steering.ts';
import type { NewEvent } from '../core/events.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { markMessages, readMessages, type RunMessage } from '../run/messages.ts';
import type { Run } from '../run/run.ts';
import { readEntries, type SessionHold } from '../run/sessions.ts';
import { retryWhileAway } from './retry-while-away.ts';

interface DeliveryOptions {
  readonly database: Database;
  readonly run: Run;
  readonly hold: SessionHold;
  /** Says it into the conversation. */
  readonly say: (message: SteeringMessage) => void;
  /** Takes the event of one that was taken up: recording it notes that. */
  readonly onEvent: (event: NewEvent) => void;
  readonly isLost: () => boolean;
  readonly log: Logger;
}

/** Brings what is said into a run to the process that works on it. */
export interface MessageDelivery {
  /** There may be something new. */
  look(): void;
  /** Claude Code has taken one up. */
  noteTakenUp(id: string): void;
  /** Resolves when all that was taken up is noted, or will be with its event. */
  flush(): Promise<void>;
}

/**
 * The transcript is the truth about what is in a conversation. An attempt that takes it up from another first holds what
 * was noted against it: what that one's worker has noted, but could not write down before it died, is said again; what it
 * has written down, but could not note, is not.
 */
export function createMessageDelivery(options: DeliveryOptions): MessageDelivery {
  const { database, run, hold, say, onEvent, isLost, log } = options;
  const known = new Map<string, RunMessage>();
  let isReconciled = run.attempt === 1;
  let working: Promise<void> | null = null;
  let isAsked = false;

  async function deliver(): Promise<void> {
    while (isAsked) {
      isAsked = false;
      const messages = (await readMessages(database, run.id)).filter(({ id }) => !known.has(id));
      const inTranscript = isReconciled ? null : await findInTranscript(messages);
      for (const message of messages) {
        const isThere = inTranscript?.has(message.id) ?? message.isTakenUp;
        if (isThere && !message.isTakenUp) await takeUp(message);
        if (!isThere && message.isTakenUp) await mark(message.id, false);
        known.set(message.id, message);
        if (!isThere) say(message);
      }
      isReconciled = true;
    }
  }

  async function findInTranscript(messages: readonly RunMessage[]): Promise<Set<string>> {
    if (messages.length === 0) return new Set();
    const entries = (await readEntries(database, { sessionId: hold.sessionId, subpath: '' })) ?? [];
    const written = JSON.stringify(entries.filter(({ type }) => type === 'user' || type === 'attachment'));
    return new Set(messages.filter(({ id }) => written.includes(`"${id}"`)).map(({ id }) => id));
  }

  async function takeUp(message: RunMessage): Promise<void> {
    if (message.isTold) return mark(message.id, true);
    onEvent({ type: 'run.message', data: { messageId: message.id, text: message.text } });
  }

  async function mark(id: string, isTakenUp: boolean): Promise<void> {
    await retryWhileAway(() => markMessages(database, { lease: hold.lease, ids: [id], isTakenUp }), { isLost });
  }

  /** One after the other. */
  function work(task: () => Promise<void>): void {
    const before = working ?? Promise.resolve();
    working = before.then(task).catch(onFailure);
  }

  function onFailure(err: unknown): void {
    // It is looked for again with the next message; at the run's end it becomes a run.
    log.warn({ err, runId: run.id }, 'a message into a run could not be delivered');
  }

  return {
    look() {
      isAsked = true;
      work(deliver);
    },
    noteTakenUp(id) {
      const message = known.get(id);
      if (message === undefined) return;
      // At once, for the event stands before what comes of it.
      if (!message.isTold) inBackground(() => takeUp(message), onFailure);
      else work(() => takeUp(message));
    },
    async flush() {
      await working;
    },
  };
}
