import { describe, expect, it, test } from 'vitest';
import { checkCron, checkTimeZone, toTicks } from './cron.ts';

const next = (cron: string, zone: string, from: string, count: number) => {
  const ticks = toTicks(cron, zone);
  const found: string[] = [];
  let at: Date | null = new Date(from);
  for (let index = 0; index < count; index++) {
    at = at && ticks.next(at);
    found.push(at?.toISOString().slice(5, 16) ?? 'never');
  }
  return found;
};

describe('a tick where a clock is put forward', () => {
  it('comes at the first instant after the gap when its time is left out', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', 3)).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ]);
    // Half an hour is left out, from 02:00 to 02:30.
    expect(next('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', 2)).toEqual(['10-03T15:30', '10-04T15:15']);
  });

  it('follows real time when it repeats', () => {
    expect(next('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:15Z', 3)).toEqual([
      '03-29T00:30',
      '03-29T01:00',
      '03-29T01:30',
    ]);
  });
});

describe('a tick where a clock is put back', () => {
  it('comes once when its time comes twice: the first time', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', 3)).toEqual([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
    ]);
    expect(next('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T00:00Z', 2)).toEqual(['04-04T14:45', '04-05T15:15']);
  });

  it('follows real time when it repeats', () => {
    expect(next('0 * * * *', 'Europe/Berlin', '2026-10-24T23:45Z', 4)).toEqual([
      '10-25T00:00',
      '10-25T01:00',
      '10-25T02:00',
      '10-25T03:00',
    ]);
  });
});

/** An expression with its day, in UTC at the two ends of the change, and its ticks on that day. */
const CHANGES: [string, string, string, string[]][] = [
  // Left out: 02:00 to 03:00.
  ['0 2,14 * * *', 'Europe/Berlin', '2026-03-29', ['01:00', '12:00']],
  ['0,30 2 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  ['15,45 2 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  ['0-10 2 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  ['*/15 2 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  ['* 2 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  ['0 2,3 * * *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  [
    '0 */2 * * *',
    'Europe/Berlin',
    '2026-03-29',
    '01:00 02:00 04:00 06:00 08:00 10:00 12:00 14:00 16:00 18:00 20:00 22:00'.split(' '),
  ],
  ['30 1-3 * * 0', 'Europe/Berlin', '2026-03-29', ['00:30', '01:00', '01:30']],
  ['0,30 2 29 3 *', 'Europe/Berlin', '2026-03-29', ['01:00']],
  // Left out: 02:00 to 02:30, half an hour.
  ['0,15,45 2 * * *', 'Australia/Lord_Howe', '2026-10-03', ['15:30', '15:45']],
  // Left out: midnight to 01:00.
  ['@daily', 'America/Santiago', '2026-09-06', ['04:00']],
  ['0,30 0,12 * * *', 'America/Santiago', '2026-09-06', ['04:00', '15:00', '15:30']],

  // Twice: 01:00 to 02:00.
  ['30 1,13 * * *', 'America/New_York', '2026-11-01', ['05:30', '18:30']],
  ['0 1,2 * * *', 'America/New_York', '2026-11-01', ['05:00', '07:00']],
  ['*/20 1 * * *', 'America/New_York', '2026-11-01', ['05:00', '05:20', '05:40']],
  ['0,40 1-2 * * 7', 'America/New_York', '2026-11-01', ['05:00', '05:40', '07:00', '07:40']],
  // Twice: 01:30 to 02:00.
  ['*/15 1,2 * * *', 'Australia/Lord_Howe', '2026-04-04', '14:00 14:15 14:30 14:45 15:30 15:45 16:00 16:15'.split(' ')],
  // Twice: 23:00 to midnight.
  ['30 0,23 * * *', 'America/Santiago', '2026-04-05', ['02:30', '04:30']],
];

test.each(CHANGES)('%s in %s on %s counts each of its times once', (cron, zone, day, times) => {
  const ticks = toTicks(cron, zone);
  const [from, until] = [new Date(Date.parse(day) - 1), new Date(Date.parse(day) + 86_400_000 - 1)];
  const found = ticks.between({ after: from, until, count: 100 });
  expect(found.map((tick) => tick.toISOString().slice(11, 16))).toEqual(times);
  const forward: Date[] = [];
  for (let at = ticks.next(from); at !== null && at <= until; at = ticks.next(at)) forward.push(at);
  expect(forward).toEqual(found);
});

test.each(['* * * * *', '0 */1 * * *', '0 0-23 * * *', '@hourly', '0 ? * * *'])('%s follows real time', (cron) => {
  const ticks = toTicks(cron, 'Europe/Berlin');
  for (const day of ['2026-03-29', '2026-10-25']) {
    const [after, until] = [new Date(Date.parse(day) - 1), new Date(Date.parse(day) + 3_600_000 * 6 - 1)];
    expect(ticks.between({ after, until, count: 1_000 })).toHaveLength(cron.startsWith('* ') ? 360 : 6);
  }
});

test.each([
  ['30 2 * * *', 'Europe/Berlin', '2026-03-25', '2026-04-02'],
  ['*/20 * * * *', 'Europe/Berlin', '2026-10-24', '2026-10-26'],
  ['*/15 1,2 * * *', 'Australia/Lord_Howe', '2026-04-03', '2026-04-07'],
  ['*/15 1,2 * * *', 'Australia/Lord_Howe', '2026-10-02', '2026-10-06'],
  ['0 9 1 * MON', 'America/New_York', '2026-01-01', '2026-12-31'],
])('the ticks of %s in %s are the same from either end', (cron, zone, from, to) => {
  const ticks = toTicks(cron, zone);
  const [after, until] = [new Date(from), new Date(to)];
  const forward: Date[] = [];
  for (let at = ticks.next(after); at !== null && at <= until; at = ticks.next(at)) forward.push(at);
  expect(ticks.between({ after, until, count: 10_000 })).toEqual(forward);
  expect(ticks.between({ after, until, count: 3 })).toEqual(forward.slice(-3));
});

test.each(['0 9 * * 1-5', '@daily', '@Hourly', '*/5 * * * *', '0 0 L * *', '  0 9 * JAN mon  '])(
  '%j is accepted',
  (cron) => {
    expect(checkCron(cron)).toBeNull();
  },
);

test.each([
  ['', 'must be five fields'],
  ['0 * * * * *', 'must be five fields'],
  ['* * * *', 'must be five fields'],
  ['@reboot', 'must be five fields'],
  ['@every 5m', 'must be five fields'],
  ['2026-01-01T00:00:00', 'must be five fields'],
  ['61 * * * *', 'is invalid: Invalid value for minute: 61'],
  ['*/0 * * * *', 'is invalid'],
  ['0 0 30 2 *', 'names a time that never comes'],
])('%j is rejected', (cron, message) => {
  expect(checkCron(cron)).toContain(message);
});

test.each(['Europe/Berlin', 'UTC', 'Australia/Lord_Howe'])('%s is a time zone', (zone) => {
  expect(checkTimeZone(zone)).toBeNull();
});

test.each(['', 'Mars/Base', '+02:00', 'Europe'])('%j is not a time zone', (zone) => {
  expect(checkTimeZone(zone)).toContain('must be the IANA name');
});
