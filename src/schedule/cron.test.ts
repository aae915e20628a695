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
  it('comes with the first instant after the gap when its time is left out', () => {
    expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', 3)).toEqual([
      '03-28T01:30',
      '03-29T01:00',
      '03-30T00:30',
    ]);
    // Half an hour is left out, from 02:00 to 02:30.
    expect(next('15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', 2)).toEqual(['10-03T15:30', '10-04T15:15']);
  });

  it('goes by real time when it repeats', () => {
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

  it('goes by real time when it repeats', () => {
    expect(next('0 * * * *', 'Europe/Berlin', '2026-10-24T23:45Z', 4)).toEqual([
      '10-25T00:00',
      '10-25T01:00',
      '10-25T02:00',
      '10-25T03:00',
    ]);
  });
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
  '%j is taken',
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
  ['61 * * * *', 'is not understood: Invalid value for minute: 61'],
  ['*/0 * * * *', 'is not understood'],
  ['0 0 30 2 *', 'names a time that never comes'],
])('%j is refused', (cron, message) => {
  expect(checkCron(cron)).toContain(message);
});

test.each(['Europe/Berlin', 'UTC', 'Australia/Lord_Howe'])('%s is a time zone', (zone) => {
  expect(checkTimeZone(zone)).toBeNull();
});

test.each(['', 'Mars/Base', '+02:00', 'Europe'])('%j is no time zone', (zone) => {
  expect(checkTimeZone(zone)).toContain('must be the IANA name');
});
