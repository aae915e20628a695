import type { IncomingHttpHeaders } from 'node:http';

/** Longer than any limit of a provider, because limits reset each month: a later time is ignored. */
const FURTHEST_MS = 32 * 24 * 60 * 60_000;

/** Returns the time in `retry-after`, a number of seconds or a date (RFC 9110, 10.2.3), in milliseconds, or null. */
export function readRetryAt(headers: IncomingHttpHeaders, now: number): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const at = /^\d+(\.\d+)?$/.test(value) ? now + Number(value) * 1_000 : Date.parse(value);
  return Number.isFinite(at) && at - now <= FURTHEST_MS ? Math.max(now, at) : null;
}

/** The end of a limit that a call met, and whether it applies to every model. */
export interface LimitReset {
  readonly at: number;
  readonly isAccountWide: boolean;
}

/**
 * Returns when the limit of a 429 without `retry-after` ends, or null: the limit of a subscription, in seconds since
 * the epoch, else the last of the limits that have nothing remaining.
 * https://docs.claude.com/en/api/rate-limits#response-headers
 */
export function readResetAt(headers: IncomingHttpHeaders, now: number): LimitReset | null {
  const claim = readHeader(headers, 'unified-representative-claim') ?? '';
  // Every answer to a subscription has it: it counts only if that limit rejected the call.
  const isRejected = (readHeader(headers, 'unified-status') ?? 'rejected') === 'rejected';
  const unified = isRejected ? toFuture(Number(readHeader(headers, 'unified-reset')) * 1_000, now) : null;
  if (unified !== null) return { at: unified, isAccountWide: !/opus|sonnet|haiku|fable|mythos/.test(claim) };
  const used = ['requests', 'tokens', 'input-tokens', 'output-tokens']
    .filter((limit) => Number(readHeader(headers, `${limit}-remaining`) ?? Number.NaN) === 0)
    .map((limit) => toFuture(Date.parse(readHeader(headers, `${limit}-reset`) ?? ''), now))
    .filter((at) => at !== null);
  return used.length === 0 ? null : { at: Math.max(...used), isAccountWide: false };
}

/**
 * Returns when the account owner's limit on spending ends, or null when `message` is about something else. Such a limit
 * is answered with 400: "You have reached your specified API usage limits. You will regain access on 2026-04-01 at
 * 00:00 UTC." https://github.com/anthropics/claude-code/issues/38035
 */
export function readRegainAt(message: string, now: number): number | null {
  const [, date, time = '00:00'] =
    /\busage limits?\b.{0,200}\bregain access on (\d{4}-\d\d-\d\d)(?: at (\d\d:\d\d) UTC)?/is.exec(message) ?? [];
  return date === undefined ? null : toFuture(Date.parse(`${date}T${time}:00Z`), now);
}

function readHeader(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[`anthropic-ratelimit-${name}`];
  return typeof value === 'string' ? value : undefined;
}

function toFuture(at: number, now: number): number | null {
  return Number.isFinite(at) && at > now && at - now <= FURTHEST_MS ? at : null;
}
