import { GEN_AI } from '../core/gen-ai.ts';
import type { SpanAttributes } from '../core/tracing.ts';
import { toFields, toList, toText } from '../core/untyped.ts';

/** A span of Claude Code, as far as it is passed on. */
export interface ExportedSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: SpanAttributes;
  /** The tool use that it belongs to, or null. */
  readonly toolUseId: string | null;
  readonly hasFailed: boolean;
}

/** Claude Code's own names. Other spans come from somewhere else. */
const NAME = /^claude_code\.[a-z_.]{1,80}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;
const MAX_TEXT = 200;
/**
 * The attributes that are passed on: sizes, times and the names of tools. All others are left out, because a new version
 * of Claude Code, or a tool of the agent, may put a prompt or an identity into any of them.
 */
const PASSED_ON = new Set<string>([
  GEN_AI.toolName,
  GEN_AI.toolCallId,
  'tool_name',
  'span.type',
  'duration_ms',
  'success',
  'decision',
  'source',
  'error.type',
]);

/** Reads the spans of a batch in the JSON of OTLP. Leaves out whatever is not a span of Claude Code. */
export function readExported(exported: unknown): ExportedSpan[] {
  return toList(toFields(exported)['resourceSpans'])
    .flatMap((resource) => toList(toFields(resource)['scopeSpans']))
    .flatMap((scope) => toList(toFields(scope)['spans']))
    .map((span) => readSpan(toFields(span)))
    .filter((span) => span !== null);
}

function readSpan(span: Record<string, unknown>): ExportedSpan | null {
  const name = toText(span['name']) ?? '';
  const spanId = toText(span['spanId'])?.toLowerCase() ?? '';
  const parent = toText(span['parentSpanId'])?.toLowerCase() ?? '';
  const startedAtMs = toMilliseconds(span['startTimeUnixNano']);
  const endedAtMs = toMilliseconds(span['endTimeUnixNano']);
  if (!NAME.test(name) || !SPAN_ID.test(spanId) || startedAtMs === null || endedAtMs === null) return null;
  const attributes = readAttributes(span['attributes']);
  const toolUseId = attributes[GEN_AI.toolCallId];
  return {
    name,
    spanId,
    parentSpanId: SPAN_ID.test(parent) ? parent : null,
    startedAtMs,
    endedAtMs: Math.max(startedAtMs, endedAtMs),
    attributes,
    toolUseId: typeof toolUseId === 'string' ? toolUseId : null,
    hasFailed: toFields(span['status'])['code'] === 2,
  };
}

/** Nanoseconds are text, because a number does not hold them exactly: it holds the microseconds. */
function toMilliseconds(nanoseconds: unknown): number | null {
  const text = toText(nanoseconds) ?? '';
  return /^[1-9]\d{15,18}$/.test(text) ? Number(text.slice(0, -3)) / 1_000 : null;
}

function readAttributes(attributes: unknown): Record<string, string | number | boolean> {
  const read: Record<string, string | number | boolean> = {};
  for (const attribute of toList(attributes)) {
    const { key, value } = toFields(attribute);
    const known = typeof key === 'string' && PASSED_ON.has(key) ? key : null;
    const plain = known === null ? null : toPlain(toFields(value));
    if (known !== null && plain !== null) read[known] = plain;
  }
  return read;
}

function toPlain({ stringValue, boolValue, intValue, doubleValue }: Record<string, unknown>) {
  if (typeof stringValue === 'string') return stringValue.slice(0, MAX_TEXT);
  if (typeof boolValue === 'boolean') return boolValue;
  const number = Number(intValue ?? doubleValue);
  return Number.isFinite(number) ? number : null;
}
