import type { SteeringMessage } from '../agent/process/steering.ts';
import type { NewEvent } from '../core/events.ts';
import { inBackground } from '../core/guard.ts';
import type { ContentPart } from '../core/prompt-parts.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { readParts } from '../run/attachments/read-parts.ts';
import { markMessages, readMessages, type RunMessage } from '../run/sessions/messages.ts';
import type { Run } from '../run/run.ts';
import { readEntries, type SessionLease } from '../run/sessions/sessions.ts';
import { retryWhileAway } from './retry-while-away.ts';

interface DeliveryOptions {
  readonly database: Database;
  readonly run: Run;
  readonly sessionLease: SessionLease;
  /** Sends the message to the conversation. */
  readonly say: (message: SteeringMessage) => void;
  /** Records the event of a message that Claude Code took up, which also marks the message as recorded. */
  readonly onEvent: (event: NewEvent) => void;
  /** Aborted when the lease is lost. */
  readonly leaseLost: AbortSignal;
  readonly log: Logger;
}

/** Delivers the messages of a run to its process. */
export interface MessageDelivery {
  /** Delivers new messages. Call it when there may be one. */
  deliver(): void;
  /** Notes that Claude Code has taken up a message. */
  noteTakenUp(id: string): void;
  /** Resolves when every message that was taken up is marked, or will be marked with its event. */
  flush(): Promise<void>;
}

/**
 * Creates the delivery. The transcript is the truth about the messages in a conversation. An attempt that takes over
 * from another first compares the marks with the transcript: a message that the lost worker marked, but did not write
 * to the transcript before it died, is sent again; a message that it wrote but did not mark is not.
 */
export function createMessageDelivery(options: DeliveryOptions): MessageDelivery {
  const { database, run, sessionLease, say, onEvent, leaseLost, log } = options;
  const known = new Map<string, RunMessage>();
  let isReconciled = run.attempt === 1;
  let working: Promise<void> | null = null;
  let isAsked = false;

  async function deliverNew(): Promise<void> {
    while (isAsked) {
      isAsked = false;
      const messages = (await readMessages(database, run.id)).filter(({ id }) => !known.has(id));
      const inTranscript = isReconciled ? null : await findInTranscript(messages);
      for (const message of messages) {
        const isThere = inTranscript?.has(message.id) ?? message.isTakenUp;
        if (isThere && !message.isTakenUp) await takeUp(message);
        if (!isThere && message.isTakenUp) await mark(message.id, false);
        known.set(message.id, message);
        if (!isThere) say({ ...message, parts: await readPartsOf(message) });
      }
      isReconciled = true;
    }
  }

  async function findInTranscript(messages: readonly RunMessage[]): Promise<Set<string>> {
    if (messages.length === 0) return new Set();
    const entries = (await readEntries(database, { sessionId: sessionLease.sessionId, subpath: '' })) ?? [];
    const written = JSON.stringify(entries.filter(({ type }) => type === 'user' || type === 'attachment'));
    return new Set(messages.filter(({ id }) => written.includes(`"${id}"`)).map(({ id }) => id));
  }

  async function readPartsOf({ parts }: RunMessage): Promise<readonly ContentPart[] | null> {
    return parts === null ? null : retryWhileAway(() => readParts(database, parts), { signal: leaseLost });
  }

  async function takeUp(message: RunMessage): Promise<void> {
    if (message.isTold) return mark(message.id, true);
    const { id: messageId, text, parts } = message;
    onEvent({ type: 'run.message', data: { messageId, text, ...(parts !== null && { parts: [...parts] }) } });
  }

  async function mark(id: string, isTakenUp: boolean): Promise<void> {
    await retryWhileAway(() => markMessages(database, { lease: sessionLease.lease, ids: [id], isTakenUp }), {
      signal: leaseLost,
    });
  }

  /** Runs the tasks one after the other. */
  function work(task: () => Promise<void>): void {
    const before = working ?? Promise.resolve();
    working = before.then(task).catch(onFailure);
  }

  function onFailure(err: unknown): void {
    // The next message triggers another search; at the run's end the undelivered message becomes a run.
    log.warn({ err, runId: run.id }, 'a message to a run could not be delivered');
  }

  return {
    deliver() {
      isAsked = true;
      work(deliverNew);
    },
    noteTakenUp(id) {
      const message = known.get(id);
      if (message === undefined) return;
      // At once, because this event must precede the events that follow from the message.
      if (!message.isTold) inBackground(() => takeUp(message), onFailure);
      else work(() => takeUp(message));
    },
    async flush() {
      await working;
    },
  };
}
