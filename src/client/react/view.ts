import type { Frames } from './frames.ts';

/** A changing value, in the form that React reads with `useSyncExternalStore`. */
export interface View<T> {
  subscribe(listener: () => void): () => void;
  /** Returns the same value until something has changed. */
  getSnapshot(): T;
}

interface ViewOptions<T> {
  readonly frames: Frames;
  readonly initial: T;
  /** Returns the current value. */
  readonly read: () => T;
  /** Keeps the value up to date while there are subscribers; returns a function that stops it. */
  readonly keepUp: () => () => void;
}

/** React unsubscribes for a moment under StrictMode and between pages; that is no reason to start again. */
const LOOK_AWAY_MS = 1_000;

/** Creates a view, and a function that reports a change. */
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
