/** Values, by queue, that wait to be sent. */
export interface Gathered<V> {
  /** Sends a value soon. Never throws. */
  add(queue: string, value: V): void;
  /** Resolves when nothing waits to be sent. */
  readonly idle: Promise<void>;
}

interface GatherOptions<V> {
  /** Joins a waiting value with a later value. */
  readonly merge: (waiting: V, added: V) => V;
  /** Must not reject. */
  readonly send: (queue: string, value: V) => Promise<void>;
}

/**
 * Sends values one at a time. Meanwhile it merges what is added for a queue into one value, so that a slow receiver costs a
 * process neither memory nor connections.
 */
export function gather<V>({ merge, send }: GatherOptions<V>): Gathered<V> {
  const waiting = new Map<string, V>();
  let sending: Promise<void> | null = null;

  async function sendAll(): Promise<void> {
    // Sends together what this turn of the event loop adds.
    await Promise.resolve();
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const [queue, value] = next;
      waiting.delete(queue);
      await send(queue, value);
    }
    sending = null;
  }

  return {
    add(queue, value) {
      waiting.set(queue, waiting.has(queue) ? merge(waiting.get(queue)!, value) : value);
      sending ??= sendAll();
    },
    get idle() {
      return sending ?? Promise.resolve();
    },
  };
}
