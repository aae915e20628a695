export interface Semaphore {
  /** Resolves when a place is free, in the order of the calls, with a function that frees it again. */
  acquire(): Promise<() => void>;
}

/** Creates a semaphore with so many places. */
export function createSemaphore(places: number): Semaphore {
  const waiting: (() => void)[] = [];
  let free = places;
  const release = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async acquire() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return release;
    },
  };
}
