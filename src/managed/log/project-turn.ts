import type { EventData, EventType, RunError, RunEvent } from '../../core/events.ts';
import { toMicros } from '../../core/money.ts';
import { toManagedTool } from '../tool-names.ts';
import { showCustomUse, toDecidedResult } from './custom-tools.ts';
import { toPlaceId, toRowId } from './event-ids.ts';
import { toMessage } from './message-event.ts';
import type { LogItem, ManagedEvent } from './managed-event.ts';
import { toRetryError, toSessionError, toWaitingError } from './session-errors.ts';
import {
  beginRunning,
  becomeIdle,
  closeSpan,
  openSpan,
  reschedule,
  show,
  showNotes,
  toUsePlace,
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
  // The main thread does not show the work of a subagent.
  if ('parentToolUseId' in event.data && event.data.parentToolUseId !== undefined) return [];
  const handle = HANDLERS[event.type] as ((state: TurnState, event: RunEvent) => LogItem[]) | undefined;
  return handle?.(state, event) ?? [];
}

const HANDLERS: Handlers = {
  'run.started': (state, event) => [
    ...(event.attempt === 1 ? [toMessage(state.turn.runId, state.turn, event.at)] : []),
    // An attempt before this one was cut off.
    ...closeSpan(state, event, null),
    ...beginRunning(state, event),
  ],
  'run.message': (_, { data: { messageId, text, parts = null }, at }) => [
    toMessage(messageId, { prompt: text, parts }, at),
  ],
  'run.queued': (state, event) => {
    if (!state.isAtBudget) return [];
    state.isAtBudget = false;
    return beginRunning(state, event);
  },
  'run.waiting': (state, event) => {
    const { waitingFor, until, scope } = event.data;
    if (scope === 'session') return reachBudget(state, event);
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
    const { approvalId, kind, tool } = event.data;
    const use = state.uses.get(tool.toolUseId);
    const isCustom = kind === 'custom';
    const eventId = use?.eventId ?? toPlaceId(state.turn, toUsePlace(tool.toolUseId));
    state.pending.set(approvalId, { eventId, isCustom });
    if (use !== undefined) state.decided.add(use);
    return [...(isCustom ? showCustomUse(state, event) : []), ...waitForActions(state, event)];
  },
  'approval.resolved': projectDecision,
};

/** A session that was idle already has said why. */
function reachBudget(state: TurnState, event: Of<'run.waiting'>): LogItem[] {
  state.isAtBudget = true;
  const { before } = state.turn;
  const costMicros = (before.costMicros ?? 0) + toMicros(event.data.costUsd ?? 0);
  const ended = closeSpan(state, event, null);
  if (state.status === 'idle') return ended;
  const usage = { ...addUsage(before, state.spent), costMicros };
  return [...ended, ...becomeIdle(state, event, { stopReason: BUDGET_REACHED, usage })];
}

const BUDGET_REACHED = { type: 'budget_reached' };

/** A use that a person has decided on is made again by the next attempt: for readers it is one and the same. */
function projectToolUse(state: TurnState, event: Of<'agent.tool_use'>): LogItem[] {
  const { toolUseId, name, input } = event.data;
  if (state.thread.isCustom(name)) {
    state.customIds.add(toolUseId);
    return openSpan(state, event);
  }
  const likeness = JSON.stringify([name, input]);
  const repeated = [...state.decided].find((use) => use.likeness === likeness && use.attempt < event.attempt);
  if (repeated !== undefined) {
    state.decided.delete(repeated);
    state.uses.set(toolUseId, repeated);
    return openSpan(state, event);
  }
  const tool = toManagedTool(name);
  const place = toUsePlace(toolUseId);
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
  const isOfServer = use.tool.server !== null;
  const fields = {
    [isOfServer ? 'mcp_tool_use_id' : 'tool_use_id']: use.eventId,
    content: content === '' ? [] : [{ type: 'text', text: content }],
    is_error: isError,
  };
  const type = isOfServer ? 'agent.mcp_tool_result' : 'agent.tool_result';
  return [show(state, { from: event, type, place: `result ${use.eventId}`, fields })];
}

function projectDecision(state: TurnState, event: Of<'approval.resolved'>): LogItem[] {
  const { approvalId, decision } = event.data;
  const use = state.pending.get(approvalId);
  state.pending.delete(approvalId);
  if (use === undefined || (decision === 'cancelled' && !use.isCustom)) return [];
  const decided = use.isCustom
    ? toDecidedResult(state, { useId: use.eventId, event })
    : toConfirmation(event, use.eventId);
  if (decision === 'cancelled') return [{ event: decided }];
  const next = state.pending.size === 0 ? beginRunning(state, event) : waitForActions(state, event);
  return [{ event: decided }, ...next];
}

function toConfirmation({ data, at }: Of<'approval.resolved'>, useId: string): ManagedEvent {
  const { approvalId, decision, reason } = data;
  const isAllowed = decision === 'allow';
  return {
    id: toRowId(approvalId),
    type: 'user.tool_confirmation',
    processed_at: at,
    tool_use_id: useId,
    result: isAllowed ? 'allow' : 'deny',
    ...(!isAllowed && reason !== undefined && { deny_message: reason }),
  };
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
  const noted = showNotes(state, notes);
  const usage = addUsage(ended.before, ended.own);
  const isReached = state.budgetMicros !== null && (usage.costMicros ?? 0) >= state.budgetMicros;
  // Cancelled while it stood at its budget, the session is as idle as before.
  const isStill = state.isAtBudget && state.status === 'idle';
  return [
    // A run that is cancelled before it begins has said its message all the same.
    ...(ended.startedAt === null ? [toMessage(ended.runId, ended, final.at)] : []),
    ...closeSpan(state, final, null),
    ...noted,
    ...(error === null || isRefusal(error)
      ? []
      : [show(state, { from: final, type: 'session.error', fields: { error: toSessionError(error, 'exhausted') } })]),
    // Every turn begins in the state that the turn before says, also for a reader that begins with it.
    ...(ended.endsIdle
      ? isStill
        ? []
        : becomeIdle(state, final, { ...(isReached ? { stopReason: BUDGET_REACHED } : toStop(error)), usage })
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
