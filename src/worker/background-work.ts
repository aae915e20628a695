/** Work that nobody waits for while the worker runs, but that must not outlive it. */
export interface BackgroundWork {
  /** Tracks work that was begun. Its error goes to `onFailure`. */
  track(work: Promise<unknown>, onFailure: (error: unknown) => void): void;
  /** Resolves when all tracked work has ended, also work that was begun meanwhile. */
  ended(): Promise<void>;
}

export function createBackgroundWork(): BackgroundWork {
  const open = new Set<Promise<unknown>>();
  return {
    track(work, onFailure) {
      const tracked = work.catch(onFailure).finally(() => open.delete(tracked));
      open.add(tracked);
    },
    async ended() {
      while (open.size > 0) await Promise.all(open);
    },
  };
}
