import { inBackground } from './guard.ts';
import { drawSpanId, drawTraceId, type TraceContext } from './trace-context.ts';

/** A finished operation of a trace. */
export interface Span {
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'consumer';
  readonly context: TraceContext;
  /** Null for the first span of a trace. */
  readonly parentSpanId: string | null;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Attributes without a value (null, undefined) are left out. Never prompts, secrets or identities of users. */
  readonly attributes: SpanAttributes;
  /** Returns attributes that may contain prompts and results; called only with `tracing.includeContent`. */
  readonly content?: () => SpanAttributes;
  readonly events?: readonly SpanEvent[];
  /** Spans of other traces that led to this one. */
  readonly links?: readonly TraceContext[];
  /** The kind of failure, from a closed list; null when the operation did not fail. */
  readonly error: string | null;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

/** A moment within a span. */
export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: SpanAttributes;
}

/** Receives the spans of this process. */
export interface SpanReceiver {
  /** Share of the traces without a caller's decision that are exported, from 0 to 1. */
  readonly sampleRatio: number;
  receive(span: Span): void;
}

/**
 * Of the whole process, because the variables of OpenTelemetry are: of two Longhauls in one process, the spans of both go
 * to the receiver that was added last.
 */
const receivers: SpanReceiver[] = [];

/** Adds a receiver until the returned function is called. */
export function receiveSpans(receiver: SpanReceiver): () => void {
  receivers.push(receiver);
  return () => {
    const index = receivers.indexOf(receiver);
    if (index >= 0) receivers.splice(index, 1);
  };
}

/** Returns whether this process exports spans. Without it, nothing is prepared for them. */
export function isTracing(): boolean {
  return receivers.length > 0;
}

/** Hands a finished span of a sampled trace to the receiver. Costs nothing without one, and never throws. */
export function emitSpan(span: Span): void {
  const receiver = receivers.at(-1);
  if (receiver !== undefined && span.context.isSampled) inBackground(() => receiver.receive(span));
}

/** Digits of a trace id that are random in every id. The digits before them count the runs of one millisecond. */
const RANDOM_DIGITS = 10;

/**
 * Decides whether a trace without a caller's decision is exported. All processes with the same ratio decide alike, because
 * only the id counts.
 */
export function isSampledTrace(traceId: string): boolean {
  const ratio = receivers.at(-1)?.sampleRatio ?? 0;
  return Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) < ratio * 16 ** RANDOM_DIGITS;
}

/** Returns the place of a new span: below `parent`, or at the beginning of a new trace. */
export function toChild(parent: TraceContext | null): TraceContext {
  if (parent !== null) return { ...parent, spanId: drawSpanId() };
  const traceId = drawTraceId();
  return { traceId, spanId: drawSpanId(), isSampled: isSampledTrace(traceId), state: null };
}
