import { parseTraceparent, toTraceparent, type TraceContext } from './trace-context.ts';
import { isSampledTrace, isTracing } from './tracing.ts';

/** The trace of a run's submission, as the run's row keeps it. Stored data: a name here is never changed. */
export interface StoredTrace {
  /** The span that submitted the run, as `traceparent`. Without it the run begins a trace. */
  readonly parent?: string;
  /** The caller's `tracestate`. */
  readonly state?: string;
  /** Spans of other traces that led to the run, as `traceparent`. */
  readonly links?: readonly string[];
}

/** The parts of a run that its trace follows from. */
interface TracedRun {
  readonly id: string;
  readonly trace: StoredTrace | null;
}

/** The span of a run, from its submission to its end. */
export interface RunSpan {
  readonly context: TraceContext;
  /** Null when the run begins the trace. */
  readonly parentSpanId: string | null;
  readonly links: readonly TraceContext[];
}

/**
 * Returns the span of a run. It follows from the run's row alone: whichever process executes or ends the run, days later or
 * after a crash, knows the same span. A run without a caller's trace has its own id as the id of its trace.
 */
export function toRunSpan({ id, trace }: TracedRun): RunSpan {
  const { parent: stored, state = null, links = [] } = trace ?? {};
  const parent = parseTraceparent(stored, state);
  const traceId = parent?.traceId ?? toDigits(id);
  return {
    context: {
      traceId,
      spanId: toSpanId(id),
      isSampled: parent?.isSampled ?? isSampledTrace(traceId),
      state: parent?.state ?? null,
    },
    parentSpanId: parent?.spanId ?? null,
    links: links.map((link) => parseTraceparent(link)).filter((link) => link !== null),
  };
}

/** Returns the place of an attempt's span, below the span of its run. */
export function toAttemptContext(run: TracedRun, attemptId: string): TraceContext {
  return { ...toRunSpan(run).context, spanId: toSpanId(attemptId) };
}

/** Returns the id of the trace that a run belongs to; null when neither its caller nor this process traces it. */
export function toTraceId(run: TracedRun): string | null {
  return isTracing() || run.trace?.parent !== undefined ? toRunSpan(run).context.traceId : null;
}

/** Stores the caller's span for a run that it submits. */
export function toStoredTrace(parent: TraceContext): StoredTrace {
  return { parent: toTraceparent(parent), ...(parent.state !== null && { state: parent.state }) };
}

/** The last 64 bits of a UUIDv7, of which 62 are random. Never 0, because the others are its variant. */
function toSpanId(id: string): string {
  return toDigits(id).slice(16);
}

function toDigits(id: string): string {
  return id.replaceAll('-', '');
}
