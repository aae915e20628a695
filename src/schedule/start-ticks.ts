import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { readNow } from '../db/read-now.ts';
import type { Ticker } from './ticker.ts';

export interface TicksOptions {
  readonly database: Database;
  readonly ticker: Ticker;
  /** Names for the log: of the rows that tick, and of a tick's result. */
  readonly words: { readonly row: 'schedule' | 'deployment'; readonly made: 'run' | 'session' };
  readonly log: Logger;
  /** The clock for ticks. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** Poll interval in ms. Defaults to 1,000. */
  readonly lookEveryMs?: number;
}

/**
 * Starts to make the ticks of a ticker. Any number of servers may do it at once: one of them makes each tick. Returns a
 * function that stops it and waits for work in progress. Continues when an unavailable database is available again.
 */
export function startTicks({
  database,
  ticker,
  words: { row, made },
  log,
  clock,
  lookEveryMs = 1_000,
}: TicksOptions): () => Promise<void> {
  const readTime = async () => clock?.() ?? readNow(database);
  let isLeaving = false;

  const stop = every({
    intervalMs: lookEveryMs,
    async task() {
      if (isLeaving) return;
      const now = await readTime();
      if (!(await ticker.hasWork(now))) return;
      for (const id of await ticker.pauseOfRevokedKeys(now)) {
        log.warn({ [`${row}Id`]: id }, `a ${row} was paused because its API key was revoked`);
      }
      const count = await ticker.followClockBack(now);
      if (count > 0) log.warn({ count }, `the clock was set back: ${row}s continue from the present time`);
      while (!isLeaving) {
        const ticked = await ticker.tickNext(now);
        if (ticked === null) return;
        const { id, tickAt, madeId, rejection } = ticked;
        const facts = { [`${row}Id`]: id, [`${made}Id`]: madeId };
        if (rejection !== null)
          log.warn({ ...facts, tickAt, reason: rejection.message }, `a ${row} could not make its ${made}`);
        else if (tickAt === null) log.warn(facts, `a ${row} skipped the ticks it missed`);
        else log.info({ ...facts, tickAt }, `a ${row} made its ${made}`);
      }
    },
    onError(err) {
      if (isDatabaseAway(err)) log.debug({ err }, `${row}s wait for the database`);
      else log.error({ err }, `${row}s could not be processed and will be retried`);
    },
  });
  return async () => {
    isLeaving = true;
    await stop();
  };
}
