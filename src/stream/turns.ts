/** Lets in so many at a time, in the order in which they came. */
export interface Turns {
  /** Resolves when it is the caller's turn, with what ends it. */
  enter(): Promise<() => void>;
}

/** For one that has nobody to take turns with. */
export const NO_TURNS: Turns = { enter: () => Promise.resolve(() => {}) };

export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let free = most;
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free++;
    else next();
  }
  return {
    async enter() {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return leave;
    },
  };
}
