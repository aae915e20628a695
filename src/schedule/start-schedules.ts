import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { readNow } from '../db/read-now.ts';
import { followClockBack, pauseOfRevokedKeys, tickNext, type TickDeps } from './tick.ts';

export interface SchedulesOptions extends TickDeps {
  readonly log: Logger;
  /** The clock for ticks. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** Poll interval in ms. Defaults to 1,000. */
  readonly lookEveryMs?: number;
}

/**
 * Starts to submit the runs of schedules at their ticks. Any number of servers may do it at once: one of them makes
 * each tick. Returns a function that stops it and waits for work in progress. Continues when an unavailable database is
 * available again.
 */
export function startSchedules({ log, clock, lookEveryMs = 1_000, ...deps }: SchedulesOptions): () => Promise<void> {
  const { database } = deps;
  const readTime = async () => clock?.() ?? readNow(database);
  let isLeaving = false;

  const stop = every({
    intervalMs: lookEveryMs,
    async task() {
      if (isLeaving) return;
      const now = await readTime();
      for (const scheduleId of await pauseOfRevokedKeys({ database }, now)) {
        log.warn({ scheduleId }, 'a schedule was paused because its API key was revoked');
      }
      const count = await followClockBack({ database }, now);
      if (count > 0) log.warn({ count }, 'the clock was set back: schedules continue from the present time');
      while (!isLeaving) {
        const ticked = await tickNext(deps, now);
        if (ticked === null) return;
        const { error, tickAt, ...facts } = ticked;
        if (error !== null)
          log.warn({ ...facts, tickAt, reason: error.message }, 'a schedule could not submit its run');
        else if (tickAt === null) log.warn(facts, 'a schedule skipped the ticks it missed');
        else log.info({ ...facts, tickAt }, 'a schedule submitted its run');
      }
    },
    onError(err) {
      if (isDatabaseAway(err)) log.debug({ err }, 'schedules wait for the database');
      else log.error({ err }, 'schedules could not be processed and will be retried');
    },
  });
  return async () => {
    isLeaving = true;
    await stop();
  };
}
