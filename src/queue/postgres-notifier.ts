import { inBackground } from '../core/guard.ts';
import { afterCommit, notifyAfterCommit } from '../db/after-commit.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import { createAnnouncements, MOST_IDS } from './announcements.ts';
import type { Notifier, WakeUp } from './notifier.ts';

/**
 * The payload of a notification: runs queued, about to be claimed, claimed, or due after a time. Without one of them, the queue may have any
 * number of runs. A payload that is not JSON is the name of a queue.
 */
interface Payload {
  readonly queue: string;
  readonly queued?: readonly string[];
  /** The workers chosen for the queued runs. Without them it is for every worker. */
  readonly chosen?: readonly string[];
  /** A bid. */
  readonly reserved?: readonly string[];
  readonly claimed?: readonly string[];
  readonly dueInMs?: number;
}

/**
 * Wakes workers with `NOTIFY`, once the transaction that queues or claims runs is committed, and never after a rollback.
 * With `pg_notify` inside, the transaction could commit only in its turn (`db/notifier.ts`).
 *
 * Every worker gets every notification. So that not all of them claim, an announcement names the workers that are to claim
 * its runs (`announcements.ts`). The others claim only what those do not: an announcement has the ids of its runs, a worker
 * that was not chosen bids for them before it claims, and a claim withdraws them.
 */
export function createPostgresNotifier(database: Database): Notifier {
  const notify = (payload: Payload) => database.notify(CHANNELS.queue, JSON.stringify(payload));
  const outbox = createAnnouncements(database);
  return {
    start: () => Promise.resolve(),
    async announce(trx, announcement) {
      if (trx === null) outbox.add(announcement);
      else afterCommit(trx, () => outbox.add(announcement));
    },
    async withdraw(trx, { queue, runIds }) {
      // Only one process uses the embedded database.
      if (database.kind === 'embedded') return;
      for (let from = 0; from < runIds.length; from += MOST_IDS) {
        const claimed: Payload = { queue, claimed: runIds.slice(from, from + MOST_IDS) };
        notifyAfterCommit(trx, CHANNELS.queue, JSON.stringify(claimed));
      }
    },
    bid({ queue, runIds }) {
      if (runIds.length > MOST_IDS) return;
      notify({ queue, reserved: runIds });
    },
    async subscribe({ workerId, queues, onWakeUp, onBid, onWithdrawn, onGap }) {
      const stop = await database.listen(
        CHANNELS.queue,
        (text) => {
          const { queue, queued = [], chosen, reserved, claimed, dueInMs = 0 } = readPayload(text);
          if (!queues.includes(queue)) return;
          if (reserved !== undefined) return onBid(queue, reserved);
          if (claimed !== undefined) return onWithdrawn(queue, claimed);
          const addressee = chosen === undefined ? 'any' : chosen.includes(workerId) ? 'this' : 'another';
          const wakeUp: WakeUp = { queue, runIds: queued, dueInMs: Math.max(0, dueInMs), addressee };
          inBackground(
            async () => {
              const wasTried = await onWakeUp(wakeUp);
              if (addressee === 'this' && !wasTried) notify({ queue, queued });
            },
            () => {}, // The others claim without it, a little later.
          );
        },
        onGap,
      );
      return { wake() {}, stop };
    },
    countUndelivered: () => Promise.resolve(null),
    get isAway() {
      return !database.hearsNotifications;
    },
    backend: null,
    stop: () => outbox.idle,
  };
}

function readPayload(text: string): Payload {
  return text.startsWith('{') ? (JSON.parse(text) as Payload) : { queue: text };
}
