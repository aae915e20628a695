import { setTimeout as delay } from 'node:timers/promises';
import { toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { isConnectionLost } from './is-database-away.ts';

const PROBE_EVERY_MS = 1_000;

interface OutageOptions {
  /** Sends a query to the database; rejects while it is unavailable. */
  readonly probe: () => Promise<unknown>;
  readonly log: Logger;
  /** Defaults to 1,000. */
  readonly probeEveryMs?: number;
}

/** Logs once that the database is unavailable, and once that it is available again. */
export interface Outage {
  /** Reports that a connection was lost or could not be opened: starts to probe the database until it is available. */
  note(error: unknown): void;
  close(): Promise<void>;
}

/**
 * Follows outages of the database. Every user of the database meets an outage several times a second; only its
 * beginning and end are logged. If connections are lost while the database is available, as when an administrator ends
 * a session, the log has one line.
 */
export function createOutage({ probe, log, probeEveryMs = PROBE_EVERY_MS }: OutageOptions): Outage {
  const closing = new AbortController();
  const { signal } = closing;
  let following: Promise<void> | null = null;

  async function follow(error: unknown): Promise<void> {
    const startedAt = performance.now();
    let isAway = false;
    while (!signal.aborted) {
      const failure = await probe().then(
        () => null,
        (reason: unknown) => ({ reason }),
      );
      if (signal.aborted) return;
      if (failure === null) return sayEnd({ error, isAway, startedAt });
      if (!isAway) log.error({ err: failure.reason }, `the database is unavailable: ${toMessage(failure.reason)}`);
      isAway = true;
      await delay(probeEveryMs, undefined, { signal }).catch(() => {}); // Rejects only because of the signal.
    }
  }

  function sayEnd({ error, isAway, startedAt }: { error: unknown; isAway: boolean; startedAt: number }): void {
    const awaySeconds = Math.round((performance.now() - startedAt) / 100) / 10;
    if (isAway) log.info({ awaySeconds }, 'the database is available again');
    else log.warn({ err: error }, 'connections to the database were lost and are reopened');
  }

  return {
    note(error) {
      if (signal.aborted) return;
      following ??= follow(error).finally(() => {
        following = null;
      });
      inBackground(() => following);
    },
    async close() {
      closing.abort();
      await following;
    },
  };
}

/**
 * Wraps `log` so that it drops the repeated errors of lost connections: `outage` receives them, and logs the outage
 * once.
 */
export function quietOutages(log: Logger, outage: Pick<Outage, 'note'>): Logger {
  const at = (level: 'info' | 'warn' | 'error' | 'fatal') => {
    const say = (...args: unknown[]) => {
      const [facts] = args;
      const error = typeof facts === 'object' && facts !== null && 'err' in facts ? facts.err : undefined;
      const isOutage = isConnectionLost(error);
      if (isOutage) outage.note(error);
      const write: (...args: unknown[]) => void = log[isOutage ? 'debug' : level];
      write.apply(log, args);
    };
    return say as Logger['info'];
  };
  return { debug: log.debug.bind(log), info: at('info'), warn: at('warn'), error: at('error'), fatal: at('fatal') };
}
