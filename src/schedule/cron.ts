import { Cron } from 'croner';

/** The ticks of a cron expression on the clocks of a time zone. */
export interface Ticks {
  /** The first after `at`; null: none is left. */
  next(at: Date): Date | null;
  /** The last `count` of those after `after` and not after `until`, in order. */
  between(options: { after: Date; until: Date; count: number }): Date[];
}

/** Five fields, or a name for five. */
const SHAPE = /^\s*(@[a-z]+|\S+(\s+\S+){4})\s*$/i;

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
 * A time that a clock leaves out when it is put forward comes with the first instant after the gap; one that comes twice
 * when it is put back counts the first time. What repeats by the hour or minute goes by real hours, through both.
 * @throws {Error} for an expression that `checkCron` refuses.
 */
export function toTicks(expression: string, timeZone: string): Ticks {
  const cron = new Cron(expression.trim(), { timezone: timeZone, mode: '5-part', paused: true });
  return {
    next: (at) => cron.nextRun(at),
    between({ after, until, count }) {
      // Backwards from the end: years of missed ticks cost as much as a hundred.
      const latest = cron.previousRuns(count, new Date(until.getTime() + 1)).toReversed();
      return latest.filter((tick) => tick > after && tick <= until);
    },
  };
}
