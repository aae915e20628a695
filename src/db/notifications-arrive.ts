import { randomUUID } from 'node:crypto';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import { CHANNELS, type Database } from './database.ts';

/** Longest time for a notification to arrive. On one machine it takes a millisecond. */
const WAIT_MS = 5_000;

interface TrialOptions {
  readonly listen: Database['listen'];
  /** Sends a notification over a connection other than the listening one. */
  readonly notify: (channel: string, payload: string) => Promise<unknown>;
  /** Ends the test, which then returns true. */
  readonly signal: AbortSignal;
  /** Defaults to 5,000. */
  readonly waitMs?: number;
}

/**
 * Returns whether notifications arrive. They do not when a pooler gives the listening connection's server connection to
 * other clients between two statements. Rejects when the database is unavailable.
 */
export async function notificationsArrive({
  listen,
  notify,
  signal,
  waitMs = WAIT_MS,
}: TrialOptions): Promise<boolean> {
  const payload = randomUUID();
  const heard = Promise.withResolvers<boolean>();
  const onAbort = guarded(() => heard.resolve(true));
  signal.addEventListener('abort', onAbort, { once: true });
  // A connection that was lost meanwhile may have missed it, and proves nothing.
  const end = await listen(
    CHANNELS.trial,
    (received) => {
      if (received === payload) heard.resolve(true);
    },
    () => heard.resolve(true),
  );
  try {
    await notify(CHANNELS.trial, payload);
    const timer = after(waitMs, () => heard.resolve(false));
    const isHeard = await heard.promise;
    clearTimeout(timer);
    return isHeard;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await end();
  }
}
