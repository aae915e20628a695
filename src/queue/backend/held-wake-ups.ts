/** The wake-ups that this process has received and whose claims have not ended, by queue. */
export interface HeldWakeUps {
  add(queue: string, count: number): void;
  /** Uses up to `count` for claimed runs; returns the number of runs for which none was held. */
  use(queue: string, count: number): number;
  /** Forgets up to `count` that were not used. */
  remove(queue: string, count: number): void;
}

export function createHeldWakeUps(): HeldWakeUps {
  const counts = new Map<string, number>();
  const reduce = (queue: string, count: number) => {
    const held = counts.get(queue) ?? 0;
    const used = Math.min(held, count);
    if (used === held) counts.delete(queue);
    else counts.set(queue, held - used);
    return used;
  };
  return {
    add(queue, count) {
      counts.set(queue, (counts.get(queue) ?? 0) + count);
    },
    use: (queue, count) => count - reduce(queue, count),
    remove(queue, count) {
      reduce(queue, count);
    },
  };
}
