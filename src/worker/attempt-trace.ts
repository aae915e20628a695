import { createHash } from 'node:crypto';
import type { Telemetry } from '../agent/agent-process.ts';
import type { EventData, EventType, NewEvent } from '../core/events.ts';
import { GEN_AI, OPERATIONS } from '../core/gen-ai.ts';
import type { AttemptStart } from '../core/process-events.ts';
import { toAttemptContext, toRunSpan } from '../core/run-trace.ts';
import { parseTraceparent, toTraceparent, type TraceContext } from '../core/trace-context.ts';
import { emitSpan, isTracing, type SpanEvent } from '../core/tracing.ts';
import type { Claim } from '../run/claim/claim.ts';
import type { Settlement } from '../run/end/settle.ts';
import { createRelay } from '../tracing/relay.ts';

/** The spans of an attempt and of its tools. */
export interface AttemptTrace {
  /** The span that model calls of the attempt continue: the attempt's, or only its caller's; null: none. */
  readonly context: TraceContext | null;
  /** Takes spans of the attempt's process; null: they are not wanted. */
  readonly onSpans: ((exported: unknown) => void) | null;
  /** For a process that is started for the attempt. */
  readonly telemetry: Telemetry | null;
  /** Takes an event of the attempt. */
  note(event: NewEvent): void;
  /** Emits the attempt's span when it is settled. Null: another worker has taken over the run. */
  end(settled: SettledAttempt | null): void;
}

interface SettledAttempt {
  readonly settlement: Settlement;
  readonly start: AttemptStart;
}

interface TraceOptions {
  readonly claim: Claim;
  /** True when the process may later serve another run, whose tools must not continue this trace. */
  readonly isReused: boolean;
  /** True when Claude Code's own spans are wanted. */
  readonly agentSpans: boolean;
}

/** Tool uses, and moments, that an attempt's trace holds at once. */
const MOST = 1_000;

/** Begins the trace of an attempt. Without an exporter, or when the run is not sampled, nothing is recorded. */
export function createAttemptTrace({ claim, isReused, agentSpans }: TraceOptions): AttemptTrace {
  const { run, attemptId } = claim;
  if (!isTracing()) return nothing(run.trace === null ? null : parseTraceparent(run.trace.parent));
  const context = toAttemptContext(run, attemptId);
  if (!context.isSampled) return nothing(context);
  const startedAtMs = Date.now();
  const toolSpanId = (toolUseId: string) => toSpanId(attemptId, toolUseId);
  const relay = agentSpans ? createRelay({ attempt: context, startedAtMs, toolSpanId }) : null;
  const tools = createToolSpans({ context, conversationId: run.sessionId, toolSpanId });
  const moments: SpanEvent[] = [];
  return {
    context,
    onSpans: relay?.take ?? null,
    telemetry: relay === null ? null : { traceparent: isReused ? null : toTraceparent(context) },
    note(event) {
      tools.note(event);
      const moment = toMoment(event);
      if (moment !== null && moments.length < MOST) moments.push(moment);
    },
    end(settled) {
      tools.end();
      relay?.end();
      // The run's end emits the span of an attempt that was lost.
      if (settled !== null) emitAttempt({ claim, context, startedAtMs, events: moments, ...settled });
    },
  };
}

function nothing(context: TraceContext | null): AttemptTrace {
  return { context, onSpans: null, telemetry: null, note() {}, end() {} };
}

interface ToolSpansOptions {
  readonly context: TraceContext;
  readonly conversationId: string;
  readonly toolSpanId: (toolUseId: string) => string;
}

type ToolUse = Extract<NewEvent, { type: 'agent.tool_use' }>['data'];
type ToolResult = Extract<NewEvent, { type: 'agent.tool_result' }>['data'];

/** Emits a span for each tool use: when its result arrives, or when the attempt ends without one. */
function createToolSpans({ context, conversationId, toolSpanId }: ToolSpansOptions) {
  const open = new Map<string, { readonly use: ToolUse; readonly startedAtMs: number }>();

  function close(toolUseId: string, result: ToolResult | null): void {
    const begun = open.get(toolUseId);
    if (begun === undefined) return;
    open.delete(toolUseId);
    const { use, startedAtMs } = begun;
    const { name, input, parentToolUseId } = use;
    emitSpan({
      name: `${OPERATIONS.tool} ${name}`,
      kind: 'internal',
      context: { ...context, spanId: toolSpanId(toolUseId) },
      // A tool of a subagent belongs to the use that started the subagent.
      parentSpanId: parentToolUseId === undefined ? context.spanId : toolSpanId(parentToolUseId),
      startedAtMs,
      endedAtMs: Date.now(),
      attributes: {
        [GEN_AI.operationName]: OPERATIONS.tool,
        [GEN_AI.toolName]: name,
        [GEN_AI.toolCallId]: toolUseId,
        [GEN_AI.conversationId]: conversationId,
      },
      content: () => ({
        [GEN_AI.toolCallArguments]: JSON.stringify(input ?? null),
        [GEN_AI.toolCallResult]: result?.content,
      }),
      error: result === null || result.isUnfinished === true ? 'unfinished' : result.isError ? 'tool_error' : null,
    });
  }

  return {
    note(event: NewEvent): void {
      if (event.type === 'agent.tool_use' && open.size < MOST)
        open.set(event.data.toolUseId, { use: event.data, startedAtMs: Date.now() });
      if (event.type === 'agent.tool_result') close(event.data.toolUseId, event.data);
    },
    end(): void {
      for (const toolUseId of open.keys()) close(toolUseId, null);
    },
  };
}

/** The events that are moments of an attempt's span, with the attributes of each. */
const MOMENTS: { readonly [T in EventType]?: (data: EventData[T]) => SpanEvent['attributes'] } = {
  'agent.api_retry': ({ attempt, status }) => ({ attempt, status }),
  'agent.model_changed': ({ from, to, reason }) => ({ from, to, reason }),
  'agent.permission_denied': ({ name, toolUseId }) => ({ [GEN_AI.toolName]: name, [GEN_AI.toolCallId]: toolUseId }),
  'approval.requested': ({ approvalId, tool }) => ({
    approvalId,
    [GEN_AI.toolName]: tool.name,
    [GEN_AI.toolCallId]: tool.toolUseId,
  }),
  'approval.resolved': ({ approvalId, decision }) => ({ approvalId, decision }),
};

/** Returns the moment of an attempt's span that an event is; null for most events. */
function toMoment({ type, data }: NewEvent): SpanEvent | null {
  const toAttributes = MOMENTS[type] as ((data: unknown) => SpanEvent['attributes']) | undefined;
  return toAttributes === undefined ? null : { name: type, atMs: Date.now(), attributes: toAttributes(data) };
}

interface AttemptSpan extends SettledAttempt {
  readonly claim: Claim;
  readonly context: TraceContext;
  readonly startedAtMs: number;
  readonly events: readonly SpanEvent[];
}

function emitAttempt({ claim, context, startedAtMs, events, settlement, start }: AttemptSpan): void {
  const { run, lease } = claim;
  const { outcome, turns, claudeCodeVersion, peakMemoryBytes } = settlement;
  emitSpan({
    name: `attempt ${run.attempt}`,
    kind: 'consumer',
    context,
    parentSpanId: toRunSpan(run).context.spanId,
    startedAtMs,
    endedAtMs: Date.now(),
    attributes: {
      [GEN_AI.conversationId]: run.sessionId,
      'longhaul.run.id': run.id,
      'longhaul.attempt.id': claim.attemptId,
      'longhaul.attempt.number': run.attempt,
      'longhaul.attempt.fence': lease.fence,
      'longhaul.attempt.start': start,
      'longhaul.attempt.outcome': outcome.status,
      'longhaul.attempt.turns': turns,
      'longhaul.attempt.peak_memory_bytes': peakMemoryBytes,
      'longhaul.claude_code.version': claudeCodeVersion,
    },
    events,
    error: outcome.status === 'failed' ? outcome.code : null,
  });
}

/** The id of a tool use's span follows from the use, so that Claude Code's spans of the same use find it. */
function toSpanId(attemptId: string, toolUseId: string): string {
  return createHash('sha256').update(`${attemptId} ${toolUseId}`).digest('hex').slice(0, 16);
}
