import type { TraceContext } from '../core/trace-context.ts';
import { emitSpan, type Span, type SpanAttributes } from '../core/tracing.ts';
import { readExported, type ExportedSpan } from './read-exported.ts';

/** Joins the spans of Claude Code to the trace of its attempt. */
export interface Relay {
  /** Takes a batch that the process exported. */
  take(exported: unknown): void;
  /** Emits the spans. Called once, when the attempt has ended. */
  end(): void;
}

interface RelayOptions {
  /** The span of the attempt. */
  readonly attempt: TraceContext;
  /** The attempt's beginning. Spans that began earlier belong to an earlier attempt of the process. */
  readonly startedAtMs: number;
  /** Returns the id of the span that Longhaul emits for a tool use. */
  readonly toolSpanId: (toolUseId: string) => string;
}

/** Spans of an attempt that are kept. A tool of the agent may send any number. */
const MAX_SPANS = 1_000;

/**
 * Spans of Claude Code that Longhaul emits itself, because it sees them even when the process is killed. Emitted twice,
 * tokens and tools would be counted twice. Their children move to Longhaul's span.
 */
const REPLACED = new Set(['claude_code.interaction', 'claude_code.llm_request', 'claude_code.tool']);

/**
 * Creates a relay. A process has one exporter for its whole life and does not know its attempt's trace when it was started
 * before it, so every span gets the trace of the attempt here. Spans wait for the attempt's end: children arrive before
 * their parents, and a process that is killed never sends some parents. Then the tool or the attempt is the parent.
 */
export function createRelay({ attempt, startedAtMs, toolSpanId }: RelayOptions): Relay {
  const kept: ExportedSpan[] = [];
  /** The span that replaces a span of the process. */
  const replacing = new Map<string, string>();

  function add(span: ExportedSpan): void {
    if (span.startedAtMs < startedAtMs || span.spanId === attempt.spanId) return;
    if (kept.length + replacing.size >= MAX_SPANS) return;
    if (!REPLACED.has(span.name)) kept.push(span);
    else replacing.set(span.spanId, span.toolUseId === null ? attempt.spanId : toolSpanId(span.toolUseId));
  }

  return {
    take(exported) {
      for (const span of readExported(exported)) add(span);
    },
    end() {
      const known = new Set(kept.map(({ spanId }) => spanId));
      const parentOf = ({ parentSpanId: parent, toolUseId }: ExportedSpan) => {
        if (parent !== null && known.has(parent)) return parent;
        return replacing.get(parent ?? '') ?? (toolUseId === null ? attempt.spanId : toolSpanId(toolUseId));
      };
      for (const span of kept.splice(0)) emitSpan(toSpan(span, { attempt, parentSpanId: parentOf(span) }));
    },
  };
}

function toSpan(
  { name, spanId, startedAtMs, endedAtMs, attributes, hasFailed }: ExportedSpan,
  { attempt, parentSpanId }: { attempt: TraceContext; parentSpanId: string },
): Span {
  return {
    name,
    kind: 'internal',
    context: { ...attempt, spanId },
    parentSpanId,
    startedAtMs,
    endedAtMs,
    attributes: attributes satisfies SpanAttributes,
    error: hasFailed ? 'error' : null,
  };
}
