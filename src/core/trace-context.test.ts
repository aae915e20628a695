import { afterEach, describe, expect, it } from 'vitest';
import { createId } from './ids.ts';
import { toAttemptContext, toRunSpan, toStoredTrace, toTraceId } from './run-trace.ts';
import { drawTraceId, parseTraceparent, toTraceparent } from './trace-context.ts';
import { emitSpan, isSampledTrace, isTracing, receiveSpans, toChild, type Span } from './tracing.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const PARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

function collect(sampleRatio = 1): Span[] {
  const spans: Span[] = [];
  stops.push(receiveSpans({ sampleRatio, receive: (span) => void spans.push(span) }));
  return spans;
}

describe('a trace context', () => {
  it('is read from traceparent and tracestate, and written as it was', () => {
    const context = parseTraceparent(PARENT, 'vendor=1');
    expect(context).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, isSampled: true, state: 'vendor=1' });
    expect(toTraceparent(context!)).toBe(PARENT);
    expect(parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-00`)).toMatchObject({ isSampled: false, state: null });
  });

  it('is read from a later version that has more fields', () => {
    expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-03-what-comes`)).toMatchObject({ isSampled: true });
  });

  it.each([
    ['is missing', undefined],
    ['has an unknown form', 'hello'],
    ['has no trace', `00-${'0'.repeat(32)}-${SPAN_ID}-01`],
    ['has no span', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['has an invalid version', `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ['is too long for its version', `${PARENT}-more`],
    ['has capital letters', PARENT.toUpperCase()],
  ])('is none when traceparent %s', (_, header) => {
    expect(parseTraceparent(header)).toBeNull();
  });

  it('loses a state that is too long or not printable', () => {
    expect(parseTraceparent(PARENT, `a=${'x'.repeat(600)}`)?.state).toBeNull();
    expect(parseTraceparent(PARENT, 'a=\u0007')?.state).toBeNull();
  });
});

describe('the spans of a run', () => {
  const id = createId();

  it('belong to the trace of the caller that submitted it', () => {
    const trace = toStoredTrace(parseTraceparent(PARENT, 'vendor=1')!);
    const { context, parentSpanId } = toRunSpan({ id, trace });
    expect(context).toMatchObject({ traceId: TRACE_ID, isSampled: true, state: 'vendor=1' });
    expect(parentSpanId).toBe(SPAN_ID);
    expect(toAttemptContext({ id, trace }, createId())).toMatchObject({ traceId: TRACE_ID, isSampled: true });
  });

  it('begin a trace with the id of the run when there is no caller', () => {
    collect();
    expect(toRunSpan({ id, trace: null })).toMatchObject({
      context: { traceId: id.replaceAll('-', ''), isSampled: true },
      parentSpanId: null,
    });
    expect(toTraceId({ id, trace: null })).toBe(id.replaceAll('-', ''));
  });

  it('are the same whenever they are asked for', () => {
    const attemptId = createId();
    expect(toAttemptContext({ id, trace: null }, attemptId)).toEqual(toAttemptContext({ id, trace: null }, attemptId));
    expect(toAttemptContext({ id, trace: null }, attemptId).spanId).not.toBe(
      toRunSpan({ id, trace: null }).context.spanId,
    );
  });
});

describe('tracing', () => {
  const span = (isSampled: boolean): Span => ({
    name: 'work',
    kind: 'internal',
    context: { traceId: TRACE_ID, spanId: SPAN_ID, isSampled, state: null },
    parentSpanId: null,
    startedAtMs: 0,
    endedAtMs: 1,
    attributes: {},
    error: null,
  });

  it('is off without a receiver, and hands spans of sampled traces to the receiver that was added last', () => {
    expect(isTracing()).toBe(false);
    emitSpan(span(true));
    const first = collect();
    const second = collect();
    emitSpan(span(true));
    emitSpan(span(false));
    expect([first.length, second.length]).toEqual([0, 1]);
  });

  it('exports the share of traces that the ratio names, decided by the id alone', () => {
    collect(0.25);
    const ids = Array.from({ length: 4_000 }, (_, index) =>
      index % 2 === 0 ? drawTraceId() : createId().replaceAll('-', ''),
    );
    const sampled = ids.filter(isSampledTrace);
    expect(sampled.length).toBeGreaterThan(800);
    expect(sampled.length).toBeLessThan(1_200);
    expect(ids.filter(isSampledTrace)).toEqual(sampled);
    collect(0);
    expect(ids.some(isSampledTrace)).toBe(false);
    collect(1);
    expect(ids.every(isSampledTrace)).toBe(true);
  });

  it('decides for each run of a burst by itself', () => {
    collect(0.5);
    const burst = Array.from({ length: 32 }, () => createId().replaceAll('-', ''));
    expect([0, burst.length]).not.toContain(burst.filter(isSampledTrace).length);
  });

  it('follows the decision of the caller', () => {
    collect(1);
    expect(toChild(parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-00`))).toMatchObject({ isSampled: false });
    collect(0);
    expect(toChild(parseTraceparent(PARENT))).toMatchObject({ traceId: TRACE_ID, isSampled: true });
    expect(toChild(null).isSampled).toBe(false);
  });
});
