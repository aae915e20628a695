import type { EventData, RunEvent } from '../../core/events.ts';
import type { Micros } from '../../core/money.ts';
import type { CustomToolUse } from '../../run/approvals/custom-tool-uses.ts';
import type { ManagedTool } from '../tool-names.ts';
import { toPlaceId } from './event-ids.ts';
import { toWireUsage, type LogItem, type ManagedEvent, type Usage } from './managed-event.ts';
import { addUsage, NOTHING_USED, type Turn } from './turn.ts';
import { fromWireBudget, toWireBudget, type WireBudget } from './wire-budget.ts';

/** The facts about a session that its events show. */
export interface Thread {
  readonly id: string;
  readonly agentName: string;
  /** Returns what the agent's definition says about a tool, by Claude Code's name. */
  readonly permissionOf: (tool: string) => 'allow' | 'ask' | 'deny';
  /** Returns whether the client runs a tool, by Claude Code's name. */
  readonly isCustom: (tool: string) => boolean;
}

/** A use of a tool. */
interface ToolUse {
  readonly eventId: string;
  readonly tool: ManagedTool;
  /** Names the same use made again: its tool and input. */
  readonly likeness: string;
  readonly attempt: number;
}

/** A tool use that waits for the client. */
interface PendingUse {
  readonly eventId: string;
  /** True: it waits for the client's result, not for a confirmation. */
  readonly isCustom: boolean;
}

/** The state of a turn after the events so far. */
export interface TurnState {
  readonly turn: Turn;
  readonly thread: Thread;
  /** The status that readers of the session have seen last. */
  status: 'running' | 'idle' | 'rescheduling';
  /** The event that began the model request in progress. */
  spanId: string | null;
  readonly uses: Map<string, ToolUse>;
  /** Uses that a person has decided on, and that no result was shown for. */
  readonly decided: Set<ToolUse>;
  /** Uses whose result was shown, by event id. */
  readonly answered: Set<string>;
  /** Approvals that are waited for. */
  readonly pending: Map<string, PendingUse>;
  /** Uses of tools that the client runs, by approval. */
  readonly customUses: Map<string, CustomToolUse>;
  /** Uses of such tools that the model has made, by Claude Code's id. */
  readonly customIds: Set<string>;
  /** Texts that are being written, by block. */
  readonly texts: Map<string, string>;
  /** The tokens of the turn so far. */
  spent: Usage;
  /** The budget of the session; null: it has none. */
  budgetMicros: Micros | null;
  /** True while the turn waits for a higher budget. */
  isAtBudget: boolean;
}

export function createTurnState(begun: Pick<TurnState, 'turn' | 'thread' | 'status' | 'budgetMicros'>): TurnState {
  return {
    ...begun,
    isAtBudget: false,
    spanId: null,
    uses: new Map(),
    decided: new Set(),
    answered: new Set(),
    pending: new Map(),
    customUses: new Map(),
    customIds: new Set(),
    texts: new Map(),
    spent: NOTHING_USED,
  };
}

/** An event to show, and its place. */
interface Shown {
  /** The run's event that it follows from. */
  readonly from: RunEvent;
  readonly type: string;
  /** Its name in the turn. Defaults to its type and the number of the run's event. */
  readonly place?: string;
  readonly fields?: object;
}

export function show({ turn }: TurnState, { from, type, place = `${type} ${from.seq}`, fields }: Shown): ShownItem {
  return { event: { id: toPlaceId(turn, place), type, processed_at: from.at, ...fields } };
}

type ShownItem = { readonly event: ManagedEvent };

/** Returns the place of a tool use in its turn. */
export function toUsePlace(toolUseId: string): string {
  return `use ${toolUseId}`;
}

/** Shows the session and its only thread as running, unless they are. */
export function beginRunning(state: TurnState, from: RunEvent): LogItem[] {
  if (state.status === 'running') return [];
  state.status = 'running';
  return [
    show(state, { from, type: 'session.status_running' }),
    show(state, { from, type: 'session.thread_status_running', fields: toThreadFields(state) }),
  ];
}

interface Idle {
  readonly stopReason: object;
  readonly stopDetails?: object | null;
  readonly usage: Usage;
}

export function becomeIdle(
  state: TurnState,
  from: RunEvent,
  { stopReason, stopDetails = null, usage }: Idle,
): LogItem[] {
  state.status = 'idle';
  const fields = { stop_reason: stopReason, stop_details: stopDetails };
  return [
    show(state, { from, type: 'session.thread_status_idle', fields: { ...toThreadFields(state), ...fields } }),
    show(state, {
      from,
      type: 'session.usage',
      fields: { usage: toWireUsage(usage), budget: toWireBudget(state.budgetMicros) },
    }),
    show(state, { from, type: 'session.status_idle', fields }),
  ];
}

/** Shows notes; a change of the budget holds from there on. */
export function showNotes(state: Pick<TurnState, 'budgetMicros'>, notes: readonly ManagedEvent[]): LogItem[] {
  for (const { type, budget } of notes)
    if (type === 'session.updated' && budget !== undefined)
      state.budgetMicros = fromWireBudget(budget as WireBudget | null);
  return notes.map((event) => ({ event }));
}

/** Shows that the session stands still by itself, and goes on by itself. */
export function reschedule(state: TurnState, from: RunEvent, error: object): LogItem[] {
  state.status = 'rescheduling';
  return [
    show(state, { from, type: 'session.error', fields: { error } }),
    show(state, { from, type: 'session.status_rescheduled' }),
    show(state, { from, type: 'session.thread_status_rescheduled', fields: toThreadFields(state) }),
  ];
}

/** A model request begins, for readers, with the first part of its answer. */
export function openSpan(state: TurnState, from: RunEvent): LogItem[] {
  if (state.spanId !== null) return [];
  const item = show(state, { from, type: 'span.model_request_start' });
  state.spanId = item.event.id;
  return [item];
}

/** Ends the model request in progress, if there is one; without usage, it ended early. */
export function closeSpan(state: TurnState, from: RunEvent, usage: EventData['agent.usage'] | null): LogItem[] {
  if (state.spanId === null) return [];
  const fields = {
    model_request_start_id: state.spanId,
    is_error: usage === null,
    model_usage: {
      input_tokens: usage?.inputTokens ?? 0,
      output_tokens: usage?.outputTokens ?? 0,
      cache_read_input_tokens: usage?.cacheReadTokens ?? 0,
      cache_creation_input_tokens: usage?.cacheCreationTokens ?? 0,
    },
  };
  state.spanId = null;
  return [show(state, { from, type: 'span.model_request_end', fields })];
}

/** Shows that the session waits for everything that is pending. */
export function waitForActions(state: TurnState, from: RunEvent): LogItem[] {
  const stopReason = { type: 'requires_action', event_ids: [...state.pending.values()].map(({ eventId }) => eventId) };
  return becomeIdle(state, from, {
    stopReason,
    usage: { ...addUsage(state.turn.before, state.spent), costMicros: null },
  });
}

function toThreadFields({ thread }: TurnState) {
  return { session_thread_id: thread.id, agent_name: thread.agentName };
}
