/**
 * The clocks of a time zone. The time that they show is also a `Date`: the instant at which clocks in UTC show the same
 * time, so that calculations use a calendar without gaps.
 */
export interface WallClock {
  /** Returns the time that they show at an instant. */
  shownAt(at: Date): Date;
  /**
   * Returns a time that is not before any time that they have shown until an instant: after they are put back, they
   * show an earlier time.
   */
  latestShown(at: Date): Date;
  /** Returns the instant at which they first show a time or, if they leave it out, the first instant after the gap. */
  firstAt(shown: Date): Date;
}

/** A clock changes at most once in this time, and at most by as much. */
const DAY_MS = 86_400_000;

/** A clock that is never put forward or back. */
export const REAL_TIME: WallClock = { shownAt: (at) => at, latestShown: (at) => at, firstAt: (shown) => shown };

/** Creates the clocks of an IANA time zone, by the rules that this process's JavaScript has. */
export function createWallClock(timeZone: string): WallClock {
  const toOffset = createOffsets(timeZone);
  const toShown = (at: number) => at + toOffset(at);
  return {
    shownAt: (at) => new Date(toShown(at.getTime())),
    latestShown(at) {
      const now = at.getTime();
      return new Date(now + Math.max(toOffset(now), toOffset(now - DAY_MS)));
    },
    firstAt(date) {
      const shown = date.getTime();
      const offsets = [toOffset(shown - DAY_MS), toOffset(shown + DAY_MS)];
      const earliest = shown - Math.max(...offsets);
      const latest = shown - Math.min(...offsets);
      if (toShown(earliest) === shown) return new Date(earliest);
      if (toShown(latest) === shown) return new Date(latest);
      // The time is left out: one offset gives an instant before the gap, the other an instant after it.
      let [before, after] = [earliest, latest];
      while (after - before > 1) {
        const middle = Math.floor((before + after) / 2);
        if (toShown(middle) < shown) before = middle;
        else after = middle;
      }
      return new Date(after);
    },
  };
}

/** Returns how far the clocks of a time zone are ahead of UTC at an instant, in milliseconds. */
function createOffsets(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
  };
}
