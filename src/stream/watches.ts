import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';

/** The state that watchers of the same key share: wake-ups, and reads of the same place. */
export interface Watch<T> {
  watchers: number;
  /** Increases with every change. */
  version: number;
  readonly wakers: Set<() => void>;
  readonly reads: Map<string, Promise<T>>;
}

/** The watches by their key, with their number of watchers. */
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
 * Shares one query among watchers at the same place, which is usual for watchers that have caught up. A query that
 * started before the last change is not shared, because it may have missed that change.
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

/** Waits for a change. Returns false on a timeout, or when `signal` aborts. */
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
