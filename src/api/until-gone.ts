import type { Context } from 'hono';
import { guarded } from '../core/guard.ts';
import type { ApiEnv } from './authenticate.ts';

/** How long somebody is there to be answered. */
export interface Presence {
  /** Aborts when the caller has gone away, or what let it in has ended. */
  readonly signal: AbortSignal;
  /** Says that it is over, and takes back what waits for it. */
  end(): void;
}

/**
 * Watches over a stream to a caller: until it goes away, its key is revoked or its token expires. When it is over,
 * `leave` is called, once.
 */
export function untilGone(context: Context<ApiEnv>, leave: () => void = () => {}): Presence {
  const controller = new AbortController();
  const signals = [context.req.raw.signal, context.get('revoked')];
  const end = guarded(() => {
    if (!controller.signal.aborted) leave();
    for (const signal of signals) signal.removeEventListener('abort', end);
    controller.abort();
  });
  for (const signal of signals) signal.addEventListener('abort', end);
  if (signals.some((signal) => signal.aborted)) end();
  return { signal: controller.signal, end };
}
