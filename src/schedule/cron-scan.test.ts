import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toTicks, type Ticks } from './cron.ts';

/** The ticks are compared with the clocks themselves, minute by minute. */

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Zones whose clocks change: by an hour, half an hour and two hours, at night, at midnight, and by the moon. */
const ZONES = [
  'Africa/Cairo',
  'Africa/Casablanca',
  'America/Havana',
  'America/New_York',
  'America/Nuuk',
  'America/Santiago',
  'Antarctica/Troll',
  'Asia/Beirut',
  'Atlantic/Azores',
  'Australia/Lord_Howe',
  'Europe/Berlin',
  'Europe/London',
  'Pacific/Chatham',
  'UTC',
];

/** A field of an expression: its text, and the values that it names. */
interface Field {
  readonly written: string;
  readonly named: ReadonlySet<number>;
}

const wildcard = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.constant({ written: '*', named: new Set(range(min, max)) });

const list = (min: number, max: number, most: number): fc.Arbitrary<Field> =>
  fc
    .uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: most })
    .map((values) => ({ written: values.join(','), named: new Set(values) }));

const span = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([one, other]) => {
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    return { written: `${from}-${to}`, named: new Set(range(from, to)) };
  });

const step = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.integer({ min: 1, max: 12 }).map((by) => ({
    written: `*/${by}`,
    named: new Set(range(min, max).filter((value) => (value - min) % by === 0)),
  }));

const expression = (minute: fc.Arbitrary<Field>, hour: fc.Arbitrary<Field>, isAnyDay: boolean) => {
  const day = (given: fc.Arbitrary<Field>, min: number, max: number) =>
    isAnyDay ? wildcard(min, max) : fc.oneof({ weight: 2, arbitrary: wildcard(min, max) }, given);
  return fc.record({
    minute,
    hour,
    day: day(list(1, 31, 5), 1, 31),
    month: day(list(1, 12, 6), 1, 12),
    weekday: day(list(0, 6, 3), 0, 6),
  });
};

type Expression = Record<'minute' | 'hour' | 'day' | 'month' | 'weekday', Field>;

const write = ({ minute, hour, day, month, weekday }: Expression) =>
  [minute, hour, day, month, weekday].map(({ written }) => written).join(' ');

const hours = fc.oneof(list(0, 23, 4), list(0, 3, 4), span(0, 23), step(0, 23), wildcard(0, 23));
const everyMinutes = fc.oneof(list(0, 59, 4), span(0, 59), step(0, 59), wildcard(0, 59));

/**
 * Computes the time that the clocks show at each minute from an instant on, in minutes since the epoch as if it were
 * UTC.
 */
function scan(zone: string, from: number, days: number): Int32Array {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  const offsetAt = (at: number) => {
    const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')!.value;
    const [, sign, hour = '0', minute = '0'] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(name)!;
    return (sign === '-' ? -1 : 1) * (Number(hour) * 60 + Number(minute));
  };
  const shown = new Int32Array(days * 1_440);
  const first = from / MINUTE_MS;
  let offset = 0;
  for (let minute = 0; minute < shown.length; minute++) {
    // Clocks change on a quarter of an hour.
    if (minute % 15 === 0) offset = offsetAt(from + minute * MINUTE_MS);
    shown[minute] = first + minute + offset;
  }
  return shown;
}

/**
 * Computes the ticks that the rules promise from the times that the clocks show: `shown` begins a day before the first.
 */
function promise(cron: Expression, shown: Int32Array, from: number): number[] {
  const names = (minute: number) => {
    if (!cron.minute.named.has(minute % 60) || !cron.hour.named.has(Math.floor(minute / 60) % 24)) return false;
    const date = new Date(minute * MINUTE_MS);
    if (!cron.month.named.has(date.getUTCMonth() + 1)) return false;
    const [isDay, isWeekday] = [cron.day.named.has(date.getUTCDate()), cron.weekday.named.has(date.getUTCDay())];
    return cron.day.written === '*' || cron.weekday.written === '*' ? isDay && isWeekday : isDay || isWeekday;
  };
  const isEveryHour = cron.hour.named.size === 24;
  const ticks: number[] = [];
  let latest = shown[0]! - 1;
  for (const [minute, time] of shown.entries()) {
    // The times that are shown now for the first time: a single one, or several after a gap.
    const fresh = isEveryHour ? [time] : range(latest + 1, time);
    latest = Math.max(latest, time);
    if (fresh.some(names)) ticks.push(from + minute * MINUTE_MS);
  }
  return ticks.filter((tick) => tick >= from + DAY_MS);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function forward(ticks: Ticks, after: Date, until: Date): number[] {
  const found: number[] = [];
  for (let at = ticks.next(after); at !== null && at <= until; at = ticks.next(at)) found.push(at.getTime());
  return found;
}

function expectKept(cron: Expression, zone: string, { first, days }: { first: number; days: number }) {
  const from = first - DAY_MS;
  const promised = promise(cron, scan(zone, from, days + 1), from);
  const [after, until] = [new Date(first - 1), new Date(first + days * DAY_MS - 1)];
  const ticks = toTicks(write(cron), zone);
  expect(forward(ticks, after, until)).toEqual(promised);
  const between = ticks.between({ after, until, count: promised.length + 1 });
  expect(between.map(Number)).toEqual(promised);
  return { ticks, promised };
}

/** Finds the days on which a zone's clocks change in a year: the first instant of each, in UTC. */
function changesOf(zone: string, year: number): number[] {
  const from = Date.UTC(year, 0, 1);
  const shown = scan(zone, from, 365);
  return range(0, 364)
    .filter((day) => day > 0 && shown[day * 1_440]! - shown[(day - 1) * 1_440]! !== 1_440)
    .map((day) => from + (day - 1) * DAY_MS);
}

describe('ticks, compared with a scan of the clocks', () => {
  it('are complete, once, from either end, in the days around a change', () => {
    const zones = new Map(ZONES.map((zone) => [zone, changesOf(zone, 2026)]));
    const changing = ZONES.filter((zone) => zones.get(zone)!.length > 0);
    expect(changing.length).toBeGreaterThan(10);
    const at = fc.record({
      zone: fc.constantFrom(...changing),
      change: fc.nat(),
      moment: fc.integer({ min: 0, max: 5_759 }),
    });
    fc.assert(
      fc.property(expression(everyMinutes, hours, true), at, (cron, { zone, change, moment }) => {
        const changes = zones.get(zone)!;
        const first = changes[change % changes.length]! - DAY_MS;
        const { ticks, promised } = expectKept(cron, zone, { first, days: 4 });
        // From any moment within, even if it is not a tick.
        const now = new Date(first + moment * MINUTE_MS + 1);
        const [next] = promised.filter((tick) => tick > now.getTime());
        if (next !== undefined) expect(ticks.next(now)?.getTime()).toBe(next);
        const last = promised.filter((tick) => tick <= now.getTime()).slice(-3);
        expect(ticks.between({ after: new Date(first - 1), until: now, count: 3 }).map(Number)).toEqual(last);
      }),
      { numRuns: 40 },
    );
  });

  it('are complete, once, from either end, in whole years', { timeout: 60_000 }, () => {
    const place = fc.record({ zone: fc.constantFrom(...ZONES), year: fc.integer({ min: 2023, max: 2030 }) });
    fc.assert(
      fc.property(expression(list(0, 59, 2), hours, false), place, (cron, { zone, year }) => {
        expectKept(cron, zone, { first: Date.UTC(year, 0, 1), days: 365 });
      }),
      { numRuns: 8 },
    );
  });

  it('come after the gap when a whole day is left out', () => {
    // Samoa crossed the date line: 30 December 2011 did not exist.
    expect(
      forward(toTicks('0 9,17 * * *', 'Pacific/Apia'), new Date('2011-12-29T20:00Z'), new Date('2011-12-31T04:00Z')),
    ).toEqual(
      ['2011-12-30T03:00Z', '2011-12-30T10:00Z', '2011-12-30T19:00Z', '2011-12-31T03:00Z'].map((time) =>
        Date.parse(time),
      ),
    );
  });
});
