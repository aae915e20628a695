import { openParts, type Parts, type PartsOptions } from './open-parts.ts';
import type { Closers } from './open-store.ts';

/** Starts the parts of a Longhaul once, and stops them once. */
export interface Lifecycle {
  /** The open parts; null before they are open. */
  readonly parts: Parts | null;
  /** Opens the parts, or waits until they are open. After a failure, the next call tries again. */
  start(): Promise<Parts>;
  /** Reports on `/readyz` from now on that this process is leaving. */
  leave(): void;
  /** Ends a start in progress, and closes every open part. */
  stop(): Promise<void>;
}

type LifecycleOptions = Omit<PartsOptions, 'closers' | 'signal' | 'isLeaving'>;

export function createLifecycle(options: LifecycleOptions): Lifecycle {
  const closers: Closers = [];
  /** Aborts on `stop`: a start that waits for the database then ends. */
  const stopped = new AbortController();
  let isLeaving = false;
  let starting: Promise<Parts> | null = null;
  let parts: Parts | null = null;
  let stopping: Promise<void> | null = null;

  async function open(): Promise<Parts> {
    try {
      parts = await openParts({ ...options, closers, signal: stopped.signal, isLeaving: () => isLeaving });
      return parts;
    } catch (error) {
      await closeAll();
      starting = null;
      throw error;
    }
  }

  /** Closes every opened part, last first; an error in one does not keep the others open. */
  async function closeAll(): Promise<void> {
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve(close()).catch((err: unknown) =>
        options.log.error({ err }, 'a part did not close cleanly'),
      );
    }
  }

  async function close(): Promise<void> {
    await starting?.catch(() => {}); // The caller of `start` gets this error.
    await closeAll();
  }

  return {
    get parts() {
      return parts;
    },
    start: () => (starting ??= open()),
    leave() {
      isLeaving = true;
    },
    stop() {
      isLeaving = true;
      stopped.abort(new Error('Longhaul was stopped.'));
      return (stopping ??= close());
    },
  };
}
