/** Limits how many callers run at once, in the order of their calls. */
export interface Turns {
  /** Resolves when the caller may run, with a function that it calls when done. */
  enter(): Promise<() => void>;
}

/** Sets no limit. */
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
