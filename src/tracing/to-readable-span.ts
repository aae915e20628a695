import {
  createTraceState,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
} from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { GENERAL } from '../core/gen-ai.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { head } from '../core/text.ts';
import type { TraceContext } from '../core/trace-context.ts';
import type { Span, SpanAttributes } from '../core/tracing.ts';

interface Exported {
  readonly resource: Resource;
  readonly scope: ReadableSpan['instrumentationScope'];
  readonly includeContent: boolean;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
};

/** Characters of a prompt or result that a span contains: backends reject spans of megabytes. */
const MAX_CONTENT_LENGTH = 20_000;

/** Converts a span for OpenTelemetry, with its content only if that is wanted. */
export function toReadableSpan(span: Span, { resource, scope, includeContent }: Exported): ReadableSpan {
  const { name, kind, context, parentSpanId, startedAtMs, endedAtMs, error, links = [], events = [] } = span;
  const content = includeContent ? toContent(span.content?.() ?? {}) : {};
  const own = toSpanContext(context);
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => own,
    ...(parentSpanId !== null && { parentSpanContext: { ...own, spanId: parentSpanId } }),
    startTime: toTime(startedAtMs),
    endTime: toTime(Math.max(startedAtMs, endedAtMs)),
    duration: toTime(Math.max(0, endedAtMs - startedAtMs)),
    status: { code: error === null ? SpanStatusCode.UNSET : SpanStatusCode.ERROR },
    attributes: toAttributes({ ...span.attributes, ...content, [GENERAL.errorType]: error }),
    links: links.map((link) => ({ context: toSpanContext(link) })),
    events: events.map(({ name: event, atMs, attributes }) => ({
      name: event,
      time: toTime(atMs),
      attributes: toAttributes(attributes),
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function toSpanContext({ traceId, spanId, isSampled, state }: TraceContext) {
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return { traceId, spanId, traceFlags, ...(state !== null && { traceState: createTraceState(state) }) };
}

function toAttributes(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => {
      if (value === null || value === undefined) return [];
      return [[name, typeof value === 'object' ? [...value] : value]];
    }),
  );
}

/** Masks keys before anything is cut, so that no half of one is left. */
function toContent(content: SpanAttributes): SpanAttributes {
  return Object.fromEntries(
    Object.entries(content).map(([name, value]) => [
      name,
      typeof value === 'string' ? head(maskSecrets(value), MAX_CONTENT_LENGTH) : value,
    ]),
  );
}

function toTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
