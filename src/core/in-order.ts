/**
 * Does work with the same key in order, one piece after the other; work without a key, or with another key, starts at
 * once.
 */
export type InOrder = <T>(key: string | null, work: () => Promise<T>) => Promise<T>;

/** Creates an `InOrder`. It forgets a key when no work of that key is in progress. */
export function createInOrder(): InOrder {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    if (key === null) return work();
    const before = last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
