import { Cron } from 'croner';
import { createWallClock, REAL_TIME } from './wall-clock.ts';

/** The ticks of a cron expression on the clocks of a time zone. */
export interface Ticks {
  /** The first tick after `at`; null: none is left. */
  next(at: Date): Date | null;
  /** The last `count` ticks after `after` and up to `until`, in order. */
  between(options: { after: Date; until: Date; count: number }): Date[];
}

/** Five fields, or a name for five. */
const SHAPE = /^\s*(@[a-z]+|\S+(\s+\S+){4})\s*$/i;

const HOURS_A_DAY = 24;

const NAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** Returns the problem with an expression, as the end of a sentence that begins with "cron"; null: none. */
export function checkCron(expression: string): string | null {
  const shape = SHAPE.exec(expression);
  const name = expression.trim().toLowerCase();
  if (shape === null || (name.startsWith('@') && !NAMES.includes(name))) {
    return `must be five fields, "minute hour day month weekday", or one of ${NAMES.join(', ')}; received ${JSON.stringify(expression.slice(0, 60))}`;
  }
  try {
    if (toTicks(expression, 'UTC').next(new Date()) === null) return 'names a time that never comes';
  } catch (error) {
    return `is invalid: ${(error as Error).message.replace(/^\w+: /, '')}`;
  }
  return null;
}

/** Returns the problem with a time zone, as the end of a sentence that begins with "timeZone"; null: none. */
export function checkTimeZone(zone: string): string | null {
  try {
    // A name, not an offset: an offset has no summer time.
    if (!/^[+-]/.test(zone) && new Intl.DateTimeFormat('en', { timeZone: zone })) return null;
  } catch {
    // Reported below.
  }
  return `must be the IANA name of a time zone, such as Europe/Berlin; received ${JSON.stringify(zone.slice(0, 60))}`;
}

/**
 * Computes the ticks of an expression. An expression that ticks in every hour follows real time through a change of the
 * clocks. Any other expression names times of day, and each counts once: a time that the clocks leave out ticks at the
 * first instant after the gap, together with the other times left out, and a time that comes twice ticks the first
 * time.
 * @throws {Error} for an expression that `checkCron` rejects.
 */
export function toTicks(expression: string, timeZone: string): Ticks {
  // In UTC no time is left out or repeated, so the times are computed there; the clocks then give their instants.
  const isReal = isEveryHour(expression);
  const times = parse(expression, isReal ? timeZone : 'UTC');
  const clock = isReal ? REAL_TIME : createWallClock(timeZone);
  return {
    next(at) {
      // The clocks may repeat times that have passed.
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

/** Returns whether an expression names all hours, in any notation. */
function isEveryHour(expression: string): boolean {
  const [name = '', hours] = expression.trim().split(/\s+/);
  if (hours === undefined) return name.toLowerCase() === '@hourly';
  const day = parse(`0 ${hours} * * *`, 'UTC').nextRuns(HOURS_A_DAY, new Date(-1));
  return day.at(-1)?.getTime() === (HOURS_A_DAY - 1) * 3_600_000;
}

function parse(expression: string, timeZone: string): Cron {
  return new Cron(expression.trim(), { timezone: timeZone, mode: '5-part', paused: true });
}
