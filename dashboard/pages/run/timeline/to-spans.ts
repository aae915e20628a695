import type { LonghaulEvent } from 'longhaul/client';

export type SpanKind = 'queue' | 'start' | 'model' | 'tool' | 'person' | 'wait' | 'retry';

/** A span of a run's time. */
export interface Span {
  readonly key: string;
  readonly kind: SpanKind;
  readonly title: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** Null while unfinished. */
  readonly to: number | null;
  readonly attempt: number;
  readonly depth: number;
  readonly hasFailed: boolean;
  /** The `seq` of the event that started it. */
  readonly seq: number;
}

type Open = { -readonly [Key in keyof Span]: Span[Key] };

/**
 * Converts a run's log to spans, in the order of their start. Model calls have no start event: each starts where the
 * span before it in the same conversation ended.
 */
export function toSpans(events: readonly LonghaulEvent[]): Span[] {
  const collector = createCollector();
  for (const event of events) {
    takePhase(collector, event);
    takeWork(collector, event);
  }
  // A model call is known only at its end, after the tool uses that it requested.
  return collector.spans.sort((a, b) => a.from - b.from || a.seq - b.seq);
}

/** The spans so far, and the tool uses and decisions that may still end. */
function createCollector() {
  const spans: Open[] = [];
  const tools = new Map<string, Open>();
  /** Current wait, start or delay of the whole run. */
  let phase: Open | null = null;

  function begin(event: LonghaulEvent, kind: SpanKind, title: string, from = Date.parse(event.at)): Open {
    const { seq, attempt } = event;
    const span: Open = { key: `${kind}-${seq}`, kind, title, from, to: null, attempt, depth: 0, hasFailed: false, seq };
    spans.push(span);
    return span;
  }

  return {
    spans,
    tools,
    people: new Map<string, Open>(),
    /** Model call in progress of each sub-agent, by the tool use that started it. */
    calls: new Map<string, Open>(),
    /** Latest event of each conversation, by the tool use that started it; the main one has the empty text. */
    heard: new Map<string, number>(),
    begin,
    /** Ends the phase of the run, and begins the next if there is one. */
    turn(event: LonghaulEvent, kind?: SpanKind, title = ''): void {
      if (phase !== null) phase.to = Date.parse(event.at);
      phase = kind === undefined ? null : begin(event, kind, title);
    },
    depthOf: (parent: string | undefined) => (parent === undefined ? 0 : (tools.get(parent)?.depth ?? -1) + 1),
  };
}

type Collector = ReturnType<typeof createCollector>;

/** Takes an event that changes what the whole run does. */
function takePhase({ spans, heard, calls, turn }: Collector, event: LonghaulEvent): void {
  const at = Date.parse(event.at);
  /** Spans left open by an attempt end with it. */
  const endAttempt = () => {
    for (const span of spans) if (span.kind === 'tool') span.to ??= at;
    heard.clear();
    calls.clear();
  };
  switch (event.type) {
    case 'run.queued':
      turn(event, 'queue', event.data.reason === 'handed_back' ? 'Queue, handed back' : 'Queue');
      break;
    case 'run.started':
      turn(event, 'start', 'Start of Claude Code');
      break;
    case 'agent.init':
      turn(event);
      heard.set('', at);
      break;
    case 'run.waiting':
      endAttempt();
      turn(event, event.data.waitingFor === 'approval' ? 'person' : 'wait', WAITS[event.data.waitingFor]);
      break;
    case 'run.retrying':
      endAttempt();
      turn(event, 'retry', `Delay after ${event.data.error.code}`);
      break;
    case 'run.succeeded':
    case 'run.failed':
    case 'run.cancelled':
      turn(event);
      for (const span of spans) span.to ??= at;
      break;
    default:
  }
}

/** Takes an event of the agent's work: model calls, tool uses, decisions of people. */
function takeWork(collector: Collector, event: LonghaulEvent): void {
  const { tools, people, calls, heard, begin, depthOf } = collector;
  const at = Date.parse(event.at);
  takeSubagentCall(collector, event);
  switch (event.type) {
    case 'agent.usage': {
      const { parentToolUseId, model } = event.data;
      const begun = calls.get(parentToolUseId ?? '');
      if (begun !== undefined) {
        begun.title = model;
        begun.to = at;
        break;
      }
      const from = heard.get(parentToolUseId ?? '') ?? tools.get(parentToolUseId ?? '')?.from ?? at;
      const span = begin(event, 'model', model, Math.min(from, at));
      span.to = at;
      span.depth = depthOf(parentToolUseId);
      heard.set(parentToolUseId ?? '', at);
      break;
    }
    case 'agent.tool_use': {
      const { toolUseId, name, parentToolUseId } = event.data;
      const span = begin(event, 'tool', name);
      span.depth = depthOf(parentToolUseId);
      tools.set(toolUseId, span);
      break;
    }
    case 'agent.tool_result': {
      const { toolUseId, isError, parentToolUseId } = event.data;
      const span = tools.get(toolUseId);
      if (span !== undefined) [span.to, span.hasFailed] = [at, isError];
      heard.set(parentToolUseId ?? '', at);
      calls.delete(parentToolUseId ?? '');
      break;
    }
    case 'approval.requested': {
      const span = begin(event, 'person', `Decision on ${event.data.tool.name}`);
      span.depth = 1 + (tools.get(event.data.tool.toolUseId)?.depth ?? 0);
      people.set(event.data.approvalId, span);
      break;
    }
    case 'approval.resolved': {
      const span = people.get(event.data.approvalId);
      if (span !== undefined) span.to = at;
      break;
    }
    default:
  }
}

/**
 * Takes what a sub-agent says and does. Claude Code reports no usage for each of its model calls, so a call is what it
 * said and did between two results: it began with the earlier result, or with the sub-agent.
 */
function takeSubagentCall({ tools, calls, heard, begin, depthOf }: Collector, event: LonghaulEvent): void {
  if (event.type !== 'agent.text' && event.type !== 'agent.thinking' && event.type !== 'agent.tool_use') return;
  const { parentToolUseId } = event.data;
  if (parentToolUseId === undefined) return;
  let call = calls.get(parentToolUseId);
  if (call === undefined) {
    const at = Date.parse(event.at);
    const from = heard.get(parentToolUseId) ?? tools.get(parentToolUseId)?.from ?? at;
    call = begin(event, 'model', 'Model of the sub-agent', Math.min(from, at));
    call.depth = depthOf(parentToolUseId);
    calls.set(parentToolUseId, call);
  }
  call.to = Date.parse(event.at);
}

const WAITS = {
  approval: 'Waits for a person',
  budget: 'Waits for a budget',
  provider_limit: 'Waits for the provider',
};
