import { sql } from 'kysely';
import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { followClockBack, pauseOfRevokedKeys, tickNext, type TickDeps } from './tick.ts';

export interface SchedulesOptions extends TickDeps {
  readonly log: Logger;
  /** What ticks go by. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** How often to look, in ms. Defaults to 1,000. */
  readonly lookEveryMs?: number;
}

/**
 * Starts to make the runs of schedules when their time has come. Any number of servers may do it at once: each tick is
 * made by one of them. Returns what ends it, once what is under way is done. Goes on when a database that was away is
 * back.
 */
export function startSchedules({ log, clock, lookEveryMs = 1_000, ...deps }: SchedulesOptions): () => Promise<void> {
  const { database } = deps;
  let isLeaving = false;

  async function readNow(): Promise<Date> {
    if (clock !== undefined) return clock();
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
    return rows[0]!.now;
  }

  const stop = every({
    intervalMs: lookEveryMs,
    async task() {
      if (isLeaving) return;
      const now = await readNow();
      for (const scheduleId of await pauseOfRevokedKeys({ database }, now)) {
        log.warn({ scheduleId }, 'a schedule is paused: its API key was revoked');
      }
      const count = await followClockBack({ database }, now);
      if (count > 0) log.warn({ count }, 'the clock was put back: schedules tick from the present time on');
      while (!isLeaving) {
        const ticked = await tickNext(deps, now);
        if (ticked === null) return;
        const { error, tickAt, ...facts } = ticked;
        if (error !== null)
          log.warn({ ...facts, tickAt, reason: error.message }, 'a schedule could not submit its run');
        else if (tickAt === null) log.warn(facts, 'a schedule has skipped the ticks it missed');
        else log.info({ ...facts, tickAt }, 'a schedule has submitted its run');
      }
    },
    onError(err) {
      if (isDatabaseAway(err)) log.debug({ err }, 'schedules wait for the database');
      else log.error({ err }, 'schedules could not be looked after; it is tried again');
    },
  });
  return async () => {
    isLeaving = true;
    await stop();
  };
}
