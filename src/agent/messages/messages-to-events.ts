import type { EventData, NewEvent } from '../../core/events.ts';
import { toFields, toText } from '../../core/untyped.ts';
import { createMessageContents, type MessageContents } from './message-contents.ts';
import { toOther } from './message-fields.ts';
import { createModelResponses, type ModelResponses } from './model-responses.ts';
import { fromApiRetry, fromInit, fromPermissionDenied, toCategory, toModelChange } from './system-messages.ts';

/**
 * The only place where Claude Code's messages become events of a run. A message is read as untyped data, so that a
 * version with other fields costs an event, never the run.
 *
 * | message | events |
 * |---|---|
 * | `system/init` | `agent.init` |
 * | `stream_event`: text delta | `agent.text.delta` |
 * | `stream_event`: end of a block that Claude Code has not kept | `agent.text.abandoned` |
 * | `stream_event`: end of a response | `agent.usage` |
 * | `assistant`: text, thinking, a tool use | `agent.text`, `agent.thinking`, `agent.tool_use` |
 * | `assistant` that supersedes others | `agent.text.abandoned` for each text among them |
 * | `user`: a tool's result | `agent.tool_result` |
 * | `system/model_refusal_fallback`, `system/model_fallback` | `agent.text.abandoned` for retracted text, `agent.model_changed` |
 * | `system/api_retry`, `system/permission_denied` | `agent.api_retry`, `agent.permission_denied` |
 * | `result` | none: the run's own final event contains it |
 * | the types in `DROPPED` | none |
 * | anything else | `agent.other`, unchanged |
 */
export interface MessageMapper {
  /** Returns the events of one message, in order. Never throws. */
  toEvents(message: unknown): NewEvent[];
  /** Answers of the model in the main loop so far, including an unfinished one: what a person counts as turns. */
  readonly turns: number;
  /** Uses of each tool so far, including subagents. */
  readonly toolUses: Readonly<Record<string, number>>;
  /** The reason of the failed model call behind Claude Code's last made-up answer, such as `rate_limit`. */
  readonly assistantError: string | null;
  /** The reason why the model's last answer in the main loop stopped, such as `end_turn`; null when it broke off. */
  readonly stopReason: string | null;
  /** The kind of content that a refusal was about, if the provider named one. */
  readonly refusalCategory: string | null;
  /** True when another model has taken over from the agent's. */
  readonly hasChangedModel: boolean;
}

/** Frequent progress of Claude Code itself that says nothing about the run. */
const DROPPED = new Set([
  'result',
  'keep_alive',
  'tool_progress',
  'auth_status',
  'prompt_suggestion',
  'command_lifecycle',
  'system/status',
  'system/thinking_tokens',
  'system/hook_started',
  'system/hook_progress',
  'system/hook_response',
  'system/session_state_changed',
  'system/commands_changed',
  'system/background_tasks_changed',
  // A subagent's beginning and end: its tool use and the result already say both.
  'system/task_started',
  'system/task_updated',
  'system/task_notification',
  'system/task_progress',
]);

interface MapperOptions {
  /** True when the continued conversation ends in the middle of a text. Defaults to false. */
  readonly isCutOff?: boolean;
}

interface MapperState {
  readonly responses: ModelResponses;
  readonly contents: MessageContents;
  refusalCategory: string | null;
  lastChange: EventData['agent.model_changed'] | null;
}

export function createMessageMapper({ isCutOff = false }: MapperOptions = {}): MessageMapper {
  const responses = createModelResponses(isCutOff);
  const contents = createMessageContents(responses);
  const state: MapperState = { responses, contents, refusalCategory: null, lastChange: null };
  return {
    toEvents: (message) => toEvents(state, message),
    get turns() {
      return responses.turns;
    },
    get toolUses() {
      return contents.toolUses;
    },
    get assistantError() {
      return contents.assistantError;
    },
    get stopReason() {
      return responses.stopReason;
    },
    get refusalCategory() {
      return state.refusalCategory;
    },
    get hasChangedModel() {
      return state.lastChange !== null;
    },
  };
}

function toEvents(state: MapperState, message: unknown): NewEvent[] {
  const { responses, contents } = state;
  const fields = toFields(message);
  const type = toText(fields['type']) ?? '';
  const name = type === 'system' ? `system/${toText(fields['subtype'])}` : type;
  if (DROPPED.has(name)) return [];
  const parent = toText(fields['parent_tool_use_id']);
  switch (name) {
    case 'system/init':
      return [fromInit(fields)];
    case 'system/api_retry':
      return [fromApiRetry(fields)];
    case 'system/permission_denied':
      return [fromPermissionDenied(fields)];
    case 'system/model_refusal_fallback':
      // A subagent changes its model only for itself: nothing changes for the run.
      if (fields['scope'] === 'local') return [toOther(message)];
      return [
        ...contents.retract(fields['retracted_message_uuids']),
        ...noteChange(state, toModelChange(fields, { reason: 'refusal', category: toCategory(fields) })),
      ];
    case 'system/model_fallback':
      return noteChange(state, toModelChange(fields, { reason: 'unavailable', category: null }));
    case 'system/model_refusal_no_fallback':
      state.refusalCategory = toCategory(fields);
      return [toOther(message)];
    case 'stream_event':
      return responses.fromStreamEvent(toFields(fields['event']), parent);
    case 'assistant':
      return contents.fromAssistant(fields, parent);
    case 'user':
      return contents.fromUser(fields, parent) ?? [toOther(message)];
    default:
      return [toOther(message)];
  }
}

/** Claude Code may report one change twice: when it begins, and when the turn ends. */
function noteChange(state: MapperState, change: EventData['agent.model_changed']): NewEvent[] {
  const { lastChange } = state;
  if (lastChange?.from === change.from && lastChange.to === change.to) return [];
  state.lastChange = change;
  return [{ type: 'agent.model_changed', data: change }];
}
