import type { Frames } from './frames.ts';

/** Something to be shown that changes by itself, as React reads it with `useSyncExternalStore`. */
export interface View<T> {
  subscribe(listener: () => void): () => void;
  /** The same value until something has changed. */
  getSnapshot(): T;
}

interface ViewOptions<T> {
  readonly frames: Frames;
  readonly initial: T;
  /** What there is to show by now. */
  readonly read: () => T;
  /** Begins to keep it up, for as long as anybody looks; returns what ends it. */
  readonly keepUp: () => () => void;
}

/** React looks away for a moment under StrictMode and between pages; that is no reason to begin anew. */
const LOOK_AWAY_MS = 1_000;

/** Makes a view, and what says that it has changed. */
export function createView<T>({ frames, initial, read, keepUp }: ViewOptions<T>): {
  readonly view: View<T>;
  readonly change: () => void;
} {
  const listeners = new Set<() => void>();
  let snapshot = initial;
  let end: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function show(): void {
    snapshot = read();
    for (const listener of listeners) listener();
  }

  return {
    change: () => frames.request(show),
    view: {
      subscribe(listener) {
        // React may subscribe the same function twice.
        const entry = () => listener();
        listeners.add(entry);
        clearTimeout(timer);
        end ??= keepUp();
        return () => {
          listeners.delete(entry);
          if (listeners.size > 0) return;
          clearTimeout(timer);
          timer = setTimeout(() => {
            if (listeners.size > 0) return;
            end?.();
            end = null;
          }, LOOK_AWAY_MS);
        };
      },
      getSnapshot: () => snapshot,
    },
  };
}
