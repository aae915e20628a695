import { guarded } from '../core/guard.ts';
import { after, repeat } from '../core/timers.ts';
import { LOOK_EVERY_MS } from './timing.ts';

/** The state that watchers of the same key share. */
interface Watch {
  readonly watchers: Set<(isChange: boolean) => void>;
  /** Increases with every change. */
  version: number;
  readonly reads: Map<string, Promise<unknown>>;
  /** Lets the watchers look every `LOOK_EVERY_MS`, all at once, so that they share what they read. */
  readonly clock: NodeJS.Timeout;
}

/** Waits for changes of what a key names. */
export interface Watcher {
  /** Increases with every change. */
  readonly version: number;
  /**
   * Shares one query among watchers at the same place, which is usual for watchers that have caught up. A query that
   * started before the last change is not shared, because it may have missed that change.
   */
  readShared<T>(place: string, read: () => Promise<T>): Promise<T>;
  /**
   * Waits for a change. Returns false when it is time to look without one, every `LOOK_EVERY_MS`, or when `signal`
   * aborts. A watcher that was busy at that time does not wait.
   */
  wait(options: WaitOptions): Promise<boolean>;
  leave(): void;
}

interface WaitOptions {
  /** Milliseconds. Defaults to no limit but `LOOK_EVERY_MS`. */
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/** The watches by their key. */
export interface Watches {
  enter(key: string): Watcher;
  wake(key: string): void;
  wakeAll(): void;
  /** Wakes all watchers for the last time: from then on, only a timeout or a signal ends their waiting. */
  close(): void;
  readonly size: number;
}

export function createWatches(): Watches {
  const watches = new Map<string, Watch>();
  return {
    enter(key) {
      const watch = watches.get(key) ?? createWatch();
      watches.set(key, watch);
      return createWatcher(watch, () => {
        if (watch.watchers.size > 0) return;
        clearInterval(watch.clock);
        watches.delete(key);
      });
    },
    wake(key) {
      const watch = watches.get(key);
      if (watch) wake(watch);
    },
    wakeAll: () => watches.forEach(wake),
    close() {
      for (const watch of watches.values()) {
        clearInterval(watch.clock);
        wake(watch);
      }
    },
    get size() {
      return watches.size;
    },
  };
}

function createWatch(): Watch {
  const watchers: Watch['watchers'] = new Set();
  const clock = repeat(LOOK_EVERY_MS, () => watchers.forEach((tell) => tell(false)));
  return { watchers, version: 0, reads: new Map(), clock };
}

function wake(watch: Watch): void {
  watch.version++;
  for (const tell of watch.watchers) tell(true);
}

/** Creates a watcher. It registers itself once for all its waits: a stream waits several times a second. */
function createWatcher(watch: Watch, onLeave: () => void): Watcher {
  let end: ((isChange: boolean) => void) | null = null;
  let heard: AbortSignal | null = null;
  /** True: the clock struck while the watcher did not wait. */
  let isLate = false;
  const tell = (isChange: boolean) => {
    if (end === null) isLate ||= !isChange;
    else end(isChange);
    end = null;
  };
  const giveUp = guarded(() => tell(false));
  const hear = (signal: AbortSignal | null) => {
    if (signal === heard) return;
    heard?.removeEventListener('abort', giveUp);
    heard = signal;
    heard?.addEventListener('abort', giveUp);
  };
  watch.watchers.add(tell);
  return {
    get version() {
      return watch.version;
    },
    readShared<T>(place: string, read: () => Promise<T>): Promise<T> {
      const key = `${watch.version}:${place}`;
      const reading = watch.reads.get(key) ?? read().finally(() => watch.reads.delete(key));
      watch.reads.set(key, reading);
      return reading as Promise<T>;
    },
    wait({ timeoutMs, signal }) {
      hear(signal);
      if (signal.aborted || isLate) {
        isLate = false;
        return Promise.resolve(false);
      }
      const waited = new Promise<boolean>((resolve) => {
        end = resolve;
      });
      if (timeoutMs === undefined) return waited;
      const timer = after(timeoutMs, giveUp);
      return waited.finally(() => clearTimeout(timer));
    },
    leave() {
      hear(null);
      if (watch.watchers.delete(tell)) onLeave();
    },
  };
}
