import { Cron } from 'croner';
import { createWallClock, REAL_TIME } from './wall-clock.ts';

/** The ticks of a cron expression on the clocks of a time zone. */
export interface Ticks {
  /** The first after `at`; null: none is left. */
  next(at: Date): Date | null;
  /** The last `count` of those after `after` and not after `until`, in order. */
  between(options: { after: Date; until: Date; count: number }): Date[];
}

/** Five fields, or a name for five. */
const SHAPE = /^\s*(@[a-z]+|\S+(\s+\S+){4})\s*$/i;

const HOURS_A_DAY = 24;

const NAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** What stands against an expression, in words that follow "cron"; null: nothing. */
export function checkCron(expression: string): string | null {
  const shape = SHAPE.exec(expression);
  const name = expression.trim().toLowerCase();
  if (shape === null || (name.startsWith('@') && !NAMES.includes(name))) {
    return `must be five fields, "minute hour day month weekday", or one of ${NAMES.join(', ')}; received ${JSON.stringify(expression.slice(0, 60))}`;
  }
  try {
    if (toTicks(expression, 'UTC').next(new Date()) === null) return 'names a time that never comes';
  } catch (error) {
    return `is not understood: ${(error as Error).message.replace(/^\w+: /, '')}`;
  }
  return null;
}

/** What stands against a time zone, in words that follow "timeZone"; null: nothing. */
export function checkTimeZone(zone: string): string | null {
  try {
    // A name, and no offset: an offset knows no summer.
    if (!/^[+-]/.test(zone) && new Intl.DateTimeFormat('en', { timeZone: zone })) return null;
  } catch {
    // Told below.
  }
  return `must be the IANA name of a time zone, such as Europe/Berlin; received ${JSON.stringify(zone.slice(0, 60))}`;
}

/**
 * What ticks in every hour goes by real time through a change of the clocks. Any other expression names times of day, and
 * each counts once: one that is left out comes with the first instant after the gap, together with the others that are,
 * and one that comes twice comes the first time.
 * @throws {Error} for an expression that `checkCron` refuses.
 */
export function toTicks(expression: string, timeZone: string): Ticks {
  // Reckoned in UTC no time is left out or comes twice; when each of them is, the clocks say.
  const isReal = isEveryHour(expression);
  const times = parse(expression, isReal ? timeZone : 'UTC');
  const clock = isReal ? REAL_TIME : createWallClock(timeZone);
  return {
    next(at) {
      // The clocks may show times again that have been.
      for (let time = times.nextRun(clock.shownAt(at)); time !== null; time = times.nextRun(time)) {
        const tick = clock.firstAt(time);
        if (tick > at) return tick;
      }
      return null;
    },
    between({ after, until, count }) {
      const found: Date[] = [];
      let before = new Date(clock.latestShown(until).getTime() + 1);
      // Backwards from the end: years of missed ticks cost as much as a hundred.
      while (found.length < count) {
        const [time] = times.previousRuns(1, before);
        if (time === undefined) break;
        before = time;
        const tick = clock.firstAt(time);
        if (tick <= after) break;
        if (tick <= until && tick.getTime() !== found.at(-1)?.getTime()) found.push(tick);
      }
      return found.toReversed();
    },
  };
}

/** Whether its hours are all there are, however they are written. */
function isEveryHour(expression: string): boolean {
  const [name = '', hours] = expression.trim().split(/\s+/);
  if (hours === undefined) return name.toLowerCase() === '@hourly';
  const day = parse(`0 ${hours} * * *`, 'UTC').nextRuns(HOURS_A_DAY, new Date(-1));
  return day.at(-1)?.getTime() === (HOURS_A_DAY - 1) * 3_600_000;
}

function parse(expression: string, timeZone: string): Cron {
  return new Cron(expression.trim(), { timezone: timeZone, mode: '5-part', paused: true });
}
