import { expect, test } from 'vitest';
import { toFailure } from './provider-failure.ts';

const inSeconds = (seconds: number): number => Math.ceil(Date.now() / 1_000) + seconds;
const inTime = (seconds: number): string => new Date(inSeconds(seconds) * 1_000).toISOString();

/** Returns the seconds until the reset, to within one, for a 429 with these rate limit headers. */
function resetIn(limits: Record<string, string | number>, { retryAfter }: { retryAfter?: string } = {}): number | null {
  const headers = {
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    ...Object.fromEntries(Object.entries(limits).map(([name, value]) => [`anthropic-ratelimit-${name}`, `${value}`])),
  };
  const { resetAt, retryAfterSeconds } = toFailure({ status: 429, headers, body: '' });
  if (resetAt === null) {
    expect(retryAfterSeconds).toBeNull();
    return null;
  }
  const seconds = Math.max(0, Math.round((resetAt - Date.now()) / 1_000));
  expect(Math.abs((retryAfterSeconds ?? Number.NaN) - seconds)).toBeLessThanOrEqual(1);
  return seconds;
}

test('retry-after takes precedence, as seconds or as a date', () => {
  const limits = { 'unified-reset': inSeconds(500) };
  expect(resetIn(limits, { retryAfter: '60' })).toBe(60);
  expect(resetIn(limits, { retryAfter: '0' })).toBe(0);
  expect(resetIn(limits, { retryAfter: new Date(inSeconds(60) * 1_000).toUTCString() })).toBeCloseTo(60, -1);
  expect(resetIn(limits, { retryAfter: 'soon' })).toBeCloseTo(500, -1);
});

test('the reset of a subscription takes precedence over single limits, if it rejected the call', () => {
  const requests = { 'requests-remaining': 0, 'requests-reset': inTime(30) };
  expect(resetIn({ ...requests, 'unified-reset': inSeconds(500) })).toBeCloseTo(500, -1);
  expect(resetIn({ ...requests, 'unified-reset': inSeconds(500), 'unified-status': 'rejected' })).toBeCloseTo(500, -1);
  expect(resetIn({ ...requests, 'unified-reset': inSeconds(500), 'unified-status': 'allowed' })).toBeCloseTo(30, -1);
});

test('among single limits, the last limit with nothing remaining counts', () => {
  const requests = { 'requests-remaining': 0, 'requests-reset': inTime(30) };
  const input = { 'input-tokens-remaining': 0, 'input-tokens-reset': inTime(60) };
  const output = { 'output-tokens-remaining': 1, 'output-tokens-reset': inTime(300) };
  expect(resetIn({ ...requests, ...input, ...output })).toBeCloseTo(60, -1);
  expect(resetIn(output)).toBeNull();
});

test.each([
  ['unified-reset', 'never'],
  ['unified-reset', 1],
  ['unified-reset', 1e15],
])('%s: %s is ignored', (name, value) => {
  expect(resetIn({ [name]: value })).toBeNull();
});

test.each([
  [{ 'unified-reset': inSeconds(500) }, true],
  [{ 'unified-reset': inSeconds(500), 'unified-representative-claim': 'five_hour' }, true],
  [{ 'unified-reset': inSeconds(500), 'unified-representative-claim': 'seven_day_opus' }, false],
  [{ 'requests-remaining': 0, 'requests-reset': inTime(30) }, false],
])('%j is a limit of the whole account: %s', (limits, isAccountWide) => {
  const headers = Object.fromEntries(
    Object.entries(limits).map(([name, v]) => [`anthropic-ratelimit-${name}`, `${v}`]),
  );
  expect(toFailure({ status: 429, headers, body: '' }).isAccountWide).toBe(isAccountWide);
});

test.each(['API usage limits', 'workspace API usage limits'])('a 400 for the %s of an account is a limit', (limits) => {
  const day = inTime(20 * 86_400).slice(0, 10);
  const message = `You have reached your specified ${limits}. You will regain access on ${day} at 00:00 UTC.`;
  const body = JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } });
  expect(toFailure({ status: 400, headers: {}, body })).toMatchObject({
    kind: 'rate_limit',
    status: 400,
    resetAt: Date.parse(`${day}T00:00:00Z`),
    isAccountWide: true,
  });
  expect(toFailure({ status: 500, headers: {}, body })).toMatchObject({ kind: 'server_error', resetAt: null });
  const past = body.replace(day, '2025-06-01');
  expect(toFailure({ status: 400, headers: {}, body: past })).toMatchObject({ kind: 'invalid_request', resetAt: null });
});

test('an overloaded provider names its wait in retry-after alone', () => {
  const headers = { 'anthropic-ratelimit-unified-reset': `${inSeconds(500)}` };
  expect(toFailure({ status: 529, headers, body: '' }).resetAt).toBeNull();
  expect(toFailure({ status: 529, headers: { ...headers, 'retry-after': '7' }, body: '' }).retryAfterSeconds).toBe(7);
});
