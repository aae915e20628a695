import { toTicks } from './cron.ts';

interface NextTickOptions {
  readonly cron: string;
  readonly timeZone: string;
  /** The last tick that was made; null: none. */
  readonly lastAt: Date | null;
  readonly now: Date;
}

/**
 * Returns the first tick after `now`. Never returns a tick that was already made, whatever the clock shows. Null: none is left.
 */
export function findNextTick({ cron, timeZone, lastAt, now }: NextTickOptions): Date | null {
  return toTicks(cron, timeZone).next(lastAt !== null && lastAt > now ? lastAt : now);
}
