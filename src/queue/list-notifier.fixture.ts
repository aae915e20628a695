import { after } from '../core/timers.ts';
import { afterCommit } from '../db/after-commit.ts';
import type { Notifier, WakeUpListener } from './notifier.ts';

/**
 * A backend outside the database, in the memory of the test: a number of wake-ups for each queue, each delivered to one
 * worker that has room, as a list of Redis would do.
 */
export interface Lists {
  readonly counts: Map<string, number>;
  readonly subscribers: Set<Subscriber>;
  /** True while it loses what is sent, and says so. */
  isAway: boolean;
}

interface Subscriber {
  readonly listener: WakeUpListener;
  isBusy: boolean;
}

export function createLists(): Lists {
  return { counts: new Map(), subscribers: new Set(), isAway: false };
}

/** Creates the notifier of a process. All processes of a database share the lists. */
export function createListNotifier(lists: Lists): Notifier {
  const timers = new Set<NodeJS.Timeout>();

  function push(queue: string, count: number): void {
    if (lists.isAway) return;
    lists.counts.set(queue, (lists.counts.get(queue) ?? 0) + count);
    deliver(lists);
  }

  return {
    start: () => Promise.resolve(),
    announce(trx, { queue, runIds, count, dueAt }) {
      const send = () => {
        if (runIds.length > 0 || dueAt === null) push(queue, Math.max(1, count));
        if (dueAt !== null) timers.add(after(Math.max(0, dueAt.getTime() - Date.now()), () => push(queue, 1)));
      };
      if (trx === null) send();
      else afterCommit(trx, send);
      return Promise.resolve();
    },
    withdraw: () => Promise.resolve(),
    bid() {},
    subscribe(listener) {
      const subscriber = { listener, isBusy: false };
      lists.subscribers.add(subscriber);
      deliver(lists);
      return Promise.resolve({
        wake: () => deliver(lists),
        stop() {
          lists.subscribers.delete(subscriber);
          return Promise.resolve();
        },
      });
    },
    countUndelivered: (queue) => Promise.resolve(lists.counts.get(queue) ?? 0),
    get isAway() {
      return lists.isAway;
    },
    backend: null,
    stop() {
      for (const timer of timers) clearTimeout(timer);
      return Promise.resolve();
    },
  };
}

function deliver(lists: Lists): void {
  for (const [queue, count] of lists.counts) {
    for (let left = count; left > 0; left--) {
      const free = [...lists.subscribers].find(
        ({ listener, isBusy }) => !isBusy && listener.queues.includes(queue) && listener.room(queue) > 0,
      );
      if (free === undefined) break;
      // The subscriber that was just served comes last.
      lists.subscribers.delete(free);
      lists.subscribers.add(free);
      lists.counts.set(queue, left - 1);
      free.isBusy = true;
      void free.listener.onWakeUp({ queue, runIds: [], dueInMs: 0, addressee: 'this' }).then((isUsed) => {
        free.isBusy = false;
        if (!isUsed) lists.counts.set(queue, (lists.counts.get(queue) ?? 0) + 1);
        deliver(lists);
      });
    }
  }
}
