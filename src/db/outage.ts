import { setTimeout as delay } from 'node:timers/promises';
import { toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { isConnectionLost } from './is-database-away.ts';

const PROBE_EVERY_MS = 1_000;

interface OutageOptions {
  /** Asks the database something; rejects while it is away. */
  readonly probe: () => Promise<unknown>;
  readonly log: Logger;
  /** Defaults to 1,000. */
  readonly probeEveryMs?: number;
}

/** Says that the database is away, once, and that it is back. */
export interface Outage {
  /** A connection was lost, or could not be made: looks whether the database is away, and for as long as it is. */
  note(error: unknown): void;
  close(): Promise<void>;
}

/**
 * Follows outages of the database. Everything that asks it meets its absence by itself, several times a second: of that
 * nothing is said but where an outage begins and ends. Connections that are lost while the database is there, as when
 * somebody ends a session, are one line.
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
      if (!isAway) log.error({ err: failure.reason }, `the database is away: ${toMessage(failure.reason)}`);
      isAway = true;
      await delay(probeEveryMs, undefined, { signal }).catch(() => {}); // Only by the signal.
    }
  }

  function sayEnd({ error, isAway, startedAt }: { error: unknown; isAway: boolean; startedAt: number }): void {
    const awaySeconds = Math.round((performance.now() - startedAt) / 100) / 10;
    if (isAway) log.info({ awaySeconds }, 'the database is back');
    else log.warn({ err: error }, 'connections to the database were lost, and are made again');
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

/** `log` without what is said, over and over, of a connection that was lost: `outage` is told of it, and says it once. */
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
