/** Does work one after the other where it has the same key; what has none, or another, at once. */
export type InTurn = <T>(key: string | null, work: () => Promise<T>) => Promise<T>;

/** Makes one. A key is forgotten when nothing of it is under way. */
export function createInTurn(): InTurn {
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
