import { setMaxListeners } from 'node:events';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { Identity } from './access.ts';

/** The end of a credential's validity. */
export interface Ending {
  /** Aborts when the key is revoked or the token expires. */
  readonly signal: AbortSignal;
  /** Removes the timer and listener. */
  dispose(): void;
}

/**
 * Watches for the end of a credential. A credential without expiry costs nothing, because it shares its key's signal.
 */
export function untilEnded({ revoked, expiresAt }: Identity): Ending {
  if (expiresAt === null) return { signal: revoked, dispose: () => {} };
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const end = guarded(() => {
    dispose();
    controller.abort();
  });
  const timer = after(Math.max(0, expiresAt.getTime() - Date.now()), end);
  // The timer must not keep the process alive.
  timer.unref();
  const dispose = () => {
    clearTimeout(timer);
    revoked.removeEventListener('abort', end);
  };
  if (revoked.aborted) end();
  else revoked.addEventListener('abort', end);
  return { signal: controller.signal, dispose };
}
