import type { Context } from 'hono';
import { guarded } from '../core/guard.ts';
import type { ApiEnv } from './authenticate.ts';

/** The presence of a client during a stream. */
export interface Presence {
  /** Aborts when the client has disconnected, or its credential is no longer valid. */
  readonly signal: AbortSignal;
  /** Ends the stream, and removes its listeners. */
  end(): void;
}

/**
 * Watches a stream to a client until the client disconnects, its key is revoked or its token expires. Calls `leave`,
 * once, when the stream ends.
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
