import { setMaxListeners } from 'node:events';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { Identity } from './access.ts';

/** When a credential ends. */
export interface Ending {
  /** Aborts when its key is revoked, or its token expires. */
  readonly signal: AbortSignal;
  /** Takes back what waits for it. */
  dispose(): void;
}

/** Watches for the end of a credential. One that ends only with its key costs nothing: it shares that key's signal. */
export function untilEnded({ revoked, expiresAt }: Identity): Ending {
  if (expiresAt === null) return { signal: revoked, dispose: () => {} };
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const end = guarded(() => {
    dispose();
    controller.abort();
  });
  const timer = after(Math.max(0, expiresAt.getTime() - Date.now()), end);
  // Nothing that is worth staying for.
  timer.unref();
  const dispose = () => {
    clearTimeout(timer);
    revoked.removeEventListener('abort', end);
  };
  if (revoked.aborted) end();
  else revoked.addEventListener('abort', end);
  return { signal: controller.signal, dispose };
}
