import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';

/** What those share who watch for the same thing: its waking, and reads of the same place. */
export interface Watch<T> {
  watchers: number;
  /** Rises with every change. */
  version: number;
  readonly wakers: Set<() => void>;
  readonly reads: Map<string, Promise<T>>;
}

/** What is watched, by its key, and by how many. */
export interface Watches<T> {
  enter(key: string): Watch<T>;
  leave(key: string): void;
  wake(key: string): void;
  wakeAll(): void;
  readonly size: number;
}

export function createWatches<T>(): Watches<T> {
  const watches = new Map<string, Watch<T>>();
  return {
    enter(key) {
      let watch = watches.get(key);
      if (watch === undefined) {
        watch = { watchers: 0, version: 0, wakers: new Set(), reads: new Map() };
        watches.set(key, watch);
      }
      watch.watchers++;
      return watch;
    },
    leave(key) {
      const watch = watches.get(key);
      if (watch !== undefined && --watch.watchers === 0) watches.delete(key);
    },
    wake(key) {
      const watch = watches.get(key);
      if (watch) wake(watch);
    },
    wakeAll: () => watches.forEach(wake),
    get size() {
      return watches.size;
    },
  };
}

function wake(watch: Watch<unknown>): void {
  watch.version++;
  for (const waker of watch.wakers) waker();
}

/**
 * Watchers that stand at the same place, as all that have caught up do, share one query. Not one that was begun before
 * the last change, though: it may have missed what that was about.
 */
export function readShared<T>(watch: Watch<T>, place: string, read: () => Promise<T>): Promise<T> {
  const key = `${watch.version}:${place}`;
  let reading = watch.reads.get(key);
  if (reading === undefined) {
    reading = read().finally(() => watch.reads.delete(key));
    watch.reads.set(key, reading);
  }
  return reading;
}

/** Whether there was a change; false when time or the caller's patience ran out first. */
export async function waitForWake(
  watch: Watch<unknown>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onWake = () => resolve(true);
  const onAbort = guarded(() => resolve(false));
  const timer = after(timeoutMs, onAbort);
  watch.wakers.add(onWake);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    watch.wakers.delete(onWake);
    signal.removeEventListener('abort', onAbort);
  }
}
