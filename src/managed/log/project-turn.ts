import type { EventData, EventType, RunError, RunEvent } from '../../core/events.ts';
import { toManagedTool } from '../tool-names.ts';
import { toPlaceId, toRowId } from './event-ids.ts';
import type { LogItem, ManagedEvent } from './managed-event.ts';
import { toRetryError, toSessionError, toWaitingError } from './session-errors.ts';
import {
  beginRunning,
  becomeIdle,
  closeSpan,
  openSpan,
  reschedule,
  show,
  toMessage,
  waitForActions,
  type TurnState,
} from './turn-state.ts';
import { addUsage, type Turn } from './turn.ts';

type Of<T extends EventType> = RunEvent & { readonly data: EventData[T] };
type Handlers = { readonly [T in EventType]?: (state: TurnState, event: Of<T>) => LogItem[] };

/**
 * Maps an event of a turn's run to the events that readers of the session see: the same for every reader, whenever it
 * reads. The turn's last event is for `projectEnd`.
 */
export function projectEvent(state: TurnState, event: RunEvent): LogItem[] {
  // What a subagent does is not of the main thread.
  if ('parentToolUseId' in event.data && event.data.parentToolUseId !== undefined) return [];
  const handle = HANDLERS[event.type] as ((state: TurnState, event: RunEvent) => LogItem[]) | undefined;
  return handle?.(state, event) ?? [];
}

const HANDLERS: Handlers = {
  'run.started': (state, event) => [
    ...(event.attempt === 1 ? [toMessage(state.turn.runId, state.turn.prompt, event.at)] : []),
    // An attempt before this one was cut off.
    ...closeSpan(state, event, null),
    ...beginRunning(state, event),
  ],
  'run.message': (_, { data, at }) => [toMessage(data.messageId, data.text, at)],
  'run.waiting': (state, event) => {
    const { waitingFor, until } = event.data;
    return waitingFor === 'approval' ? [] : reschedule(state, event, toWaitingError(waitingFor, until));
  },
  'run.retrying': (state, event) => [
    ...closeSpan(state, event, null),
    ...reschedule(state, event, toSessionError(event.data.error, 'retrying')),
  ],
  'agent.text.delta': (state, event) => {
    const { blockId, text } = event.data;
    const soFar = state.texts.get(blockId) ?? '';
    state.texts.set(blockId, soFar + text);
    return [...openSpan(state, event), { preview: { eventId: toPlaceId(state.turn, `text ${blockId}`), soFar, text } }];
  },
  'agent.text': (state, event) => {
    const { blockId, text } = event.data;
    state.texts.delete(blockId);
    const fields = { content: [{ type: 'text', text }] };
    return [
      ...openSpan(state, event),
      show(state, { from: event, type: 'agent.message', place: `text ${blockId}`, fields }),
    ];
  },
  'agent.thinking': (state, event) => [...openSpan(state, event), show(state, { from: event, type: 'agent.thinking' })],
  'agent.tool_use': projectToolUse,
  'agent.tool_result': projectToolResult,
  'agent.usage': (state, event) => {
    state.spent = addUsage(state.spent, {
      ...state.spent,
      ...event.data,
      cacheCreation1hTokens: 0,
      costMicros: 0,
      activeMs: 0,
    });
    return closeSpan(state, event, event.data);
  },
  'agent.api_retry': (state, event) => {
    const fields = { error: toRetryError(event.data.status, event.data.error) };
    return [show(state, { from: event, type: 'session.error', fields })];
  },
  'agent.other': (state, event) =>
    isCompaction(event.data.message) ? [show(state, { from: event, type: 'agent.thread_context_compacted' })] : [],
  'approval.requested': (state, event) => {
    const { approvalId, tool } = event.data;
    const use = state.uses.get(tool.toolUseId);
    state.pending.set(approvalId, use?.eventId ?? toPlaceId(state.turn, `use ${tool.toolUseId}`));
    if (use !== undefined) state.decided.add(use);
    return waitForActions(state, event);
  },
  'approval.resolved': projectDecision,
};

/** A use that a person has decided on is made again by the next attempt: for readers it is one and the same. */
function projectToolUse(state: TurnState, event: Of<'agent.tool_use'>): LogItem[] {
  const { toolUseId, name, input } = event.data;
  const likeness = JSON.stringify([name, input]);
  const repeated = [...state.decided].find((use) => use.likeness === likeness && use.attempt < event.attempt);
  if (repeated !== undefined) {
    state.decided.delete(repeated);
    state.uses.set(toolUseId, repeated);
    return openSpan(state, event);
  }
  const tool = toManagedTool(name);
  const place = `use ${toolUseId}`;
  const use = { eventId: toPlaceId(state.turn, place), tool, likeness, attempt: event.attempt };
  state.uses.set(toolUseId, use);
  const fields = {
    name: tool.name,
    input: input ?? {},
    evaluated_permission: state.thread.permissionOf(name),
    session_thread_id: null,
  };
  return [
    ...openSpan(state, event),
    tool.server === null
      ? show(state, { from: event, type: 'agent.tool_use', place, fields })
      : show(state, {
          from: event,
          type: 'agent.mcp_tool_use',
          place,
          fields: { ...fields, mcp_server_name: tool.server },
        }),
  ];
}

/** A use has one result: that of the use made again, if it was. */
function projectToolResult(state: TurnState, event: Of<'agent.tool_result'>): LogItem[] {
  const { toolUseId, content, isError } = event.data;
  const use = state.uses.get(toolUseId);
  if (use === undefined || state.answered.has(use.eventId)) return [];
  state.answered.add(use.eventId);
  state.decided.delete(use);
  const [type, field] =
    use.tool.server === null ? ['agent.tool_result', 'tool_use_id'] : ['agent.mcp_tool_result', 'mcp_tool_use_id'];
  const fields = {
    [field!]: use.eventId,
    content: content === '' ? [] : [{ type: 'text', text: content }],
    is_error: isError,
  };
  return [show(state, { from: event, type: type!, place: `result ${use.eventId}`, fields })];
}

function projectDecision(state: TurnState, event: Of<'approval.resolved'>): LogItem[] {
  const { approvalId, decision, reason } = event.data;
  const useId = state.pending.get(approvalId);
  state.pending.delete(approvalId);
  if (useId === undefined || decision === 'cancelled') return [];
  const isAllowed = decision === 'allow';
  const confirmation: ManagedEvent = {
    id: toRowId(approvalId),
    type: 'user.tool_confirmation',
    processed_at: event.at,
    tool_use_id: useId,
    result: isAllowed ? 'allow' : 'deny',
    ...(!isAllowed && reason !== undefined && { deny_message: reason }),
  };
  const next = state.pending.size === 0 ? beginRunning(state, event) : waitForActions(state, event);
  return [{ event: confirmation }, ...next];
}

interface TurnEnd {
  /** The last event of the run. */
  readonly final: RunEvent;
  /** The run as it has ended. */
  readonly ended: Turn;
  /** Events that are noted before the end. */
  readonly notes: readonly ManagedEvent[];
}

/** Returns what the end of a turn's run adds. */
export function projectEnd(state: TurnState, { final, ended, notes }: TurnEnd): LogItem[] {
  const error = final.type === 'run.failed' ? final.data.error : null;
  return [
    // A run that is cancelled before it begins has said its message all the same.
    ...(ended.startedAt === null ? [toMessage(ended.runId, ended.prompt, final.at)] : []),
    ...closeSpan(state, final, null),
    ...notes.map((event) => ({ event })),
    ...(error === null || isRefusal(error)
      ? []
      : [show(state, { from: final, type: 'session.error', fields: { error: toSessionError(error, 'exhausted') } })]),
    // Every turn begins in the state that the turn before says, also for a reader that begins with it.
    ...(ended.endsIdle
      ? becomeIdle(state, final, { ...toStop(error), usage: addUsage(ended.before, ended.own) })
      : beginRunning(state, final)),
  ];
}

function toStop(error: RunError | null) {
  if (error === null) return { stopReason: { type: 'end_turn' } };
  if (!isRefusal(error)) return { stopReason: { type: 'retries_exhausted' } };
  const stopDetails = { type: 'refusal', category: error.category ?? null, explanation: error.message };
  return { stopReason: { type: 'refusal' }, stopDetails };
}

function isRefusal({ code }: RunError): boolean {
  return code === 'model_refused';
}

function isCompaction(message: unknown): boolean {
  const { type, subtype } = message as { readonly type?: unknown; readonly subtype?: unknown };
  return type === 'system' && subtype === 'compact_boundary';
}
