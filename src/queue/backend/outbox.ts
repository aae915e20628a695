/** Most wake-ups of one queue that wait to be sent; the sweep replaces what is beyond. */
const MOST_PENDING = 10_000;

/**
 * Changes of the number of wake-ups that wait to be sent. The outbox sends them one at a time and adds up what arrives
 * meanwhile, so that a slow backend costs a process neither memory nor connections.
 */
export interface Outbox {
  /** Sends `change` wake-ups of a queue soon, or removes some when it is negative. Never throws. */
  add(queue: string, change: number): void;
  /** Resolves when nothing waits to be sent. */
  readonly idle: Promise<void>;
}

interface OutboxOptions {
  readonly send: (queue: string, count: number) => Promise<void>;
  readonly discard: (queue: string, count: number) => Promise<void>;
  /** While it returns true, changes are dropped. */
  readonly isAway: () => boolean;
  /** Called when wake-ups were not sent. */
  readonly onLost: () => void;
}

export function createOutbox({ send, discard, isAway, onLost }: OutboxOptions): Outbox {
  const pending = new Map<string, number>();
  let sending: Promise<void> | null = null;

  async function sendAll(): Promise<void> {
    // Sends together what this turn of the event loop adds.
    await Promise.resolve();
    for (let [next] = pending; next !== undefined; [next] = pending) {
      const [queue, change] = next;
      pending.delete(queue);
      if (isAway() && change > 0) onLost();
      if (isAway() || change === 0) continue;
      // The failure itself has been noted and logged.
      if (change > 0) await send(queue, change).catch(onLost);
      else await discard(queue, -change).catch(() => {});
    }
    sending = null;
  }

  return {
    add(queue, change) {
      const sum = (pending.get(queue) ?? 0) + change;
      pending.set(queue, Math.max(-MOST_PENDING, Math.min(MOST_PENDING, sum)));
      sending ??= sendAll();
    },
    get idle() {
      return sending ?? Promise.resolve();
    },
  };
}
