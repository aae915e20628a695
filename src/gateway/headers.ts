import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { toTraceparent, type TraceContext } from '../core/trace-context.ts';

/** Headers of a single connection that must not be forwarded (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** The attempt's token, and headers that the gateway sets itself. */
const NOT_FORWARDED = [
  ...HOP_BY_HOP,
  'x-api-key',
  'authorization',
  'host',
  'content-length',
  'expect',
  'accept-encoding',
];

/** Returns the token of a request, from `x-api-key` or `Authorization: Bearer`; null when there is none. */
export function readToken(headers: IncomingHttpHeaders): string | null {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return key;
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/** The context of Claude Code's own trace. */
const TRACE_HEADERS = ['traceparent', 'tracestate', 'baggage'];

/**
 * Returns the headers for the provider: the received ones, without the token, and the provider's `own`. The provider
 * continues `trace`, the span of the call, in place of Claude Code's; the caller's `tracestate` is not for it.
 */
export function toUpstreamHeaders({
  received,
  trace,
  own,
}: {
  received: IncomingHttpHeaders;
  trace: TraceContext | null;
  own: Readonly<Record<string, string>>;
}): OutgoingHttpHeaders {
  return {
    ...without(received, trace === null ? NOT_FORWARDED : [...NOT_FORWARDED, ...TRACE_HEADERS]),
    ...(trace !== null && { traceparent: toTraceparent(trace) }),
    // A compressed answer would have to be decompressed for the meter.
    'accept-encoding': 'identity',
    ...own,
  };
}

/** Returns the headers of an answer without those of the provider's connection. */
export function toAnswerHeaders(answer: { readonly headers: IncomingHttpHeaders }): OutgoingHttpHeaders {
  return without(answer.headers, HOP_BY_HOP);
}

function without(headers: IncomingHttpHeaders, names: readonly string[]): OutgoingHttpHeaders {
  const dropped = new Set([...names, ...namedByConnection(headers)]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

function namedByConnection(headers: IncomingHttpHeaders): string[] {
  return (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
}
