import { randomBytes } from 'node:crypto';

/** The place of a span in a trace, as W3C Trace Context has it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** True when the spans of the trace are exported. */
  readonly isSampled: boolean;
  /** The caller's `tracestate`, unchanged; null when there is none. */
  readonly state: string | null;
}

/** The form of version 00. A later version may have more fields. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Longer states are dropped, as the recommendation allows. */
const MAX_STATE_LENGTH = 512;

/** Reads the headers `traceparent` and `tracestate`; null without a valid `traceparent`. */
export function parseTraceparent(traceparent: string | null | undefined, state?: string | null): TraceContext | null {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec((traceparent ?? '').slice(0, 200)) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (version === '00' && more !== undefined) return null;
  const isState = state != null && state.length <= MAX_STATE_LENGTH && /^[\x20-\x7e]+$/.test(state);
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, state: isState ? state : null };
}

/** Returns the header `traceparent`. */
export function toTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

/** Draws the id of a new trace. */
export function drawTraceId(): string {
  return randomBytes(16).toString('hex');
}

/** Draws the id of a new span. */
export function drawSpanId(): string {
  return randomBytes(8).toString('hex');
}
