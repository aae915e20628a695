import type { IncomingHttpHeaders } from 'node:http';

/** Longer than any limit of a provider lasts, which begin anew each month: what is further off is no time at all. */
const FURTHEST_MS = 32 * 24 * 60 * 60_000;

/** When `retry-after` says to try again: a number of seconds or a date (RFC 9110, 10.2.3). Milliseconds or null. */
export function readRetryAt(headers: IncomingHttpHeaders, now: number): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const at = /^\d+(\.\d+)?$/.test(value) ? now + Number(value) * 1_000 : Date.parse(value);
  return Number.isFinite(at) && at - now <= FURTHEST_MS ? Math.max(now, at) : null;
}

/** When a limit ends that was run into, and whether it holds for every model. */
export interface LimitReset {
  readonly at: number;
  readonly isAccountWide: boolean;
}

/**
 * When a 429 without `retry-after` says that its limit ends, or null: the one of a subscription, which comes as seconds
 * since the epoch, else the last of the limits that have nothing remaining.
 * https://docs.claude.com/en/api/rate-limits#response-headers
 */
export function readResetAt(headers: IncomingHttpHeaders, now: number): LimitReset | null {
  const claim = readHeader(headers, 'unified-representative-claim') ?? '';
  // Sent with every answer to a subscription: it counts when it is the limit that refused the call.
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
 * When a limit that the account's owner has set on its spending ends, or null when `message` speaks of none. Such a
 * limit is answered with 400: "You have reached your specified API usage limits. You will regain access on
 * 2026-04-01 at 00:00 UTC." https://github.com/anthropics/claude-code/issues/38035
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
