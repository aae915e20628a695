import { randomUUID } from 'node:crypto';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import { CHANNELS, type Database } from './database.ts';

/** How long a notification may take. On one machine it takes a millisecond. */
const WAIT_MS = 5_000;

interface TrialOptions {
  readonly listen: Database['listen'];
  /** Sends a notification over another connection than the one that listens. */
  readonly notify: (channel: string, payload: string) => Promise<unknown>;
  /** Ends the trial, which then says that they arrive. */
  readonly signal: AbortSignal;
  /** Defaults to 5,000. */
  readonly waitMs?: number;
}

/**
 * Whether notifications arrive. They do not where a pooler gives the listening connection's place at the server to others
 * between two statements. Rejects when the database is away.
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
