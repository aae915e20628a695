import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import { NO_USAGE, type TokenUsage } from '../core/usage.ts';
import { createLoopBlocks, type LoopBlocks } from './loop-blocks.ts';
import { toStorableJson } from './storable-json.ts';
import { describeContent } from './tool-result-text.ts';
import { toFields, toList, toNumber, toText } from '../core/untyped.ts';

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

/** A loop, the main one or a subagent's, and the response it is receiving. */
interface Loop {
  readonly blocks: LoopBlocks;
  messageId: string;
  model: string;
  usage: TokenUsage;
}

interface MapperOptions {
  /** True when the continued conversation ends in the middle of a text. Defaults to false. */
  readonly isCutOff?: boolean;
}

export function createMessageMapper({ isCutOff = false }: MapperOptions = {}): MessageMapper {
  /** By the tool use that started the loop; the empty text is the main loop. */
  const loops = new Map<string, Loop>();
  /** Number of responses with each id: a provider that uses an id twice must not mix up their blocks. */
  const responseCounts = new Map<string, number>();
  /** By the uuid of the message that contained the text. */
  const toldTexts = new Map<string, EventData['agent.text.abandoned']>();
  const turnNames = new Set<string>();
  const toolUseIds = new Set<string>();
  const toolUses = new Map<string, number>();
  let assistantError: string | null = null;
  let stopReason: string | null = null;
  let refusalCategory: string | null = null;
  let lastChange: ModelChange | null = null;

  function toEvents(message: unknown): NewEvent[] {
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
        if (fields['scope'] === 'local') return [other(message)];
        return [
          ...retract(fields['retracted_message_uuids']),
          ...toModelChange(fields, { reason: 'refusal', category: toCategory(fields) }),
        ];
      case 'system/model_fallback':
        return toModelChange(fields, { reason: 'unavailable', category: null });
      case 'system/model_refusal_no_fallback':
        refusalCategory = toCategory(fields);
        return [other(message)];
      case 'stream_event':
        return fromStreamEvent(toFields(fields['event']), parent);
      case 'assistant':
        return fromAssistant(fields, parent);
      case 'user':
        return fromUser(fields, parent) ?? [other(message)];
      default:
        return [other(message)];
    }
  }

  function fromStreamEvent(event: Fields, parent: string | null): NewEvent[] {
    if (event['type'] === 'message_start')
      return beginResponse(toFields(event['message']), { parent, isStreamed: true });
    const loop = loops.get(parent ?? '');
    if (loop === undefined) return [];
    const { blocks } = loop;
    switch (event['type']) {
      case 'content_block_start':
        return blocks.beginBlock(toNumber(event['index']) ?? 0, toText(toFields(event['content_block'])['type']) ?? '');
      case 'content_block_stop':
        return blocks.endBlock();
      case 'content_block_delta': {
        const delta = toFields(event['delta']);
        const text = delta['type'] === 'text_delta' ? toText(delta['text']) : null;
        if (text === null || text === '') return [];
        return blocks.say(toNumber(event['index']) ?? 0, text);
      }
      case 'message_delta': {
        loop.usage = mergeUsage(loop.usage, event['usage']);
        const reason = toText(toFields(event['delta'])['stop_reason']);
        if (reason === null) return [];
        if (parent === null) stopReason = reason;
        blocks.noteStop(reason);
        return [];
      }
      case 'message_stop':
        return [
          ...blocks.endResponse(),
          { type: 'agent.usage', data: { ...loop.usage, model: loop.model, ...within(parent) } },
        ];
      default:
        return [];
    }
  }

  function fromAssistant(fields: Fields, parent: string | null): NewEvent[] {
    // Claude Code made up this text for a failed call, with details for operators: the outcome keeps them.
    if (toText(fields['error']) !== null) {
      assistantError = toText(fields['error']);
      return [];
    }
    const message = toFields(fields['message']);
    const isKnown = loops.get(parent ?? '')?.messageId === toStorable(toText(message['id']) ?? '');
    const begun = isKnown ? [] : beginResponse(message, { parent, isStreamed: false });
    const told = toList(message['content']).flatMap((block) => fromBlock(toFields(block), parent));
    const uuid = toText(fields['uuid']);
    for (const event of told) {
      if (event.type !== 'agent.text' || uuid === null) continue;
      toldTexts.set(uuid, { blockId: event.data.blockId, ...within(parent) });
    }
    return [...begun, ...retract(fields['supersedes']), ...told];
  }

  function fromBlock(block: Fields, parent: string | null): NewEvent[] {
    const type = toText(block['type']) ?? '';
    const name = loops.get(parent ?? '')!.blocks.keep(type);
    if (type === 'text') {
      const text = toStorable(toText(block['text']) ?? '');
      return text === '' ? [] : [{ type: 'agent.text', data: { text, ...name } }];
    }
    if (type === 'thinking') {
      // Some models hide their thinking and send it empty.
      const text = toStorable(toText(block['thinking']) ?? '');
      return text === '' ? [] : [{ type: 'agent.thinking', data: { text, ...within(parent) } }];
    }
    if (type.endsWith('tool_use')) {
      const toolUseId = toStorable(toText(block['id']) ?? '');
      const tool = toStorable(toText(block['name']) ?? '');
      if (!toolUseIds.has(toolUseId)) toolUses.set(tool, (toolUses.get(tool) ?? 0) + 1);
      toolUseIds.add(toolUseId);
      const input = toStorableJson(block['input'] ?? {});
      return [{ type: 'agent.tool_use', data: { toolUseId, name: tool, input, ...within(parent) } }];
    }
    if (type.endsWith('tool_result')) return [fromToolResult(block, parent)];
    return type === 'redacted_thinking' ? [] : [other(block)];
  }

  /**
   * Returns null when the message carries no tool result and is not a subagent's prompt, which its tool use already
   * contains.
   */
  function fromUser(fields: Fields, parent: string | null): NewEvent[] | null {
    const results = toList(toFields(fields['message'])['content'])
      .map(toFields)
      .filter((block) => block['type'] === 'tool_result');
    if (results.length === 0) return parent === null ? null : [];
    return results.map((block) => fromToolResult(block, parent));
  }

  /** Reports the texts among the messages that Claude Code has retracted. */
  function retract(uuids: unknown): NewEvent[] {
    return toList(uuids).flatMap((value): NewEvent[] => {
      const uuid = toText(value) ?? '';
      const data = toldTexts.get(uuid);
      toldTexts.delete(uuid);
      return data === undefined ? [] : [{ type: 'agent.text.abandoned', data }];
    });
  }

  /** Claude Code may report one change twice: when it begins, and when the turn ends. */
  function toModelChange(
    fields: Fields,
    { reason, category }: { reason: ModelChange['reason']; category: string | null },
  ): NewEvent[] {
    const from = toStorable(toText(fields['original_model']) ?? '');
    const to = toStorable(toText(fields['fallback_model']) ?? '');
    if (lastChange?.from === from && lastChange.to === to) return [];
    lastChange = { from, to, reason, ...(category !== null && { category }) };
    return [{ type: 'agent.model_changed', data: lastChange }];
  }

  function beginResponse(
    message: Fields,
    { parent, isStreamed }: { parent: string | null; isStreamed: boolean },
  ): NewEvent[] {
    const messageId = toStorable(toText(message['id']) ?? '');
    const model = toStorable(toText(message['model']) ?? '');
    const count = (responseCounts.get(messageId) ?? 0) + 1;
    responseCounts.set(messageId, count);
    const name = count === 1 ? messageId : `${messageId}~${count}`;
    const key = parent ?? '';
    const blocks = loops.get(key)?.blocks ?? createLoopBlocks({ parent, isCutOff: parent === null && isCutOff });
    const usage = mergeUsage(NO_USAGE, message['usage']);
    loops.set(key, { blocks, messageId, model, usage });
    if (parent === null && model !== '<synthetic>') {
      turnNames.add(name);
      stopReason = null;
    }
    return blocks.beginResponse(name, isStreamed);
  }

  return {
    toEvents,
    get turns() {
      return turnNames.size;
    },
    get toolUses() {
      return Object.fromEntries(toolUses);
    },
    get assistantError() {
      return assistantError;
    },
    get stopReason() {
      return stopReason;
    },
    get refusalCategory() {
      return refusalCategory;
    },
  };
}

type ModelChange = EventData['agent.model_changed'];

type Fields = Readonly<Record<string, unknown>>;

function fromInit(fields: Fields): NewEvent {
  const mcpServers = toList(fields['mcp_servers'])
    .map(toFields)
    .map(({ name, status }) => ({ name: toStorable(toText(name) ?? ''), status: toStorable(toText(status) ?? '') }));
  return {
    type: 'agent.init',
    data: {
      sessionId: toStorable(toText(fields['session_id']) ?? ''),
      model: toStorable(toText(fields['model']) ?? ''),
      tools: toList(fields['tools']).map((tool) => toStorable(String(tool))),
      cwd: toStorable(toText(fields['cwd']) ?? ''),
      claudeCodeVersion: toStorable(toText(fields['claude_code_version']) ?? ''),
      ...(mcpServers.length > 0 && { mcpServers }),
    },
  };
}

function fromApiRetry(fields: Fields): NewEvent {
  return {
    type: 'agent.api_retry',
    data: {
      attempt: toNumber(fields['attempt']) ?? 0,
      maxRetries: toNumber(fields['max_retries']) ?? 0,
      delayMs: Math.round(toNumber(fields['retry_delay_ms']) ?? 0),
      status: toNumber(fields['error_status']),
      error: toStorable(toText(fields['error']) ?? 'unknown'),
    },
  };
}

function fromPermissionDenied(fields: Fields): NewEvent {
  return {
    type: 'agent.permission_denied',
    data: {
      toolUseId: toStorable(toText(fields['tool_use_id']) ?? ''),
      name: toStorable(toText(fields['tool_name']) ?? ''),
      message: toStorable(toText(fields['message']) ?? ''),
    },
  };
}

function toCategory(fields: Fields): string | null {
  const category = toText(fields['api_refusal_category']);
  return category === null ? null : toStorable(category);
}

function fromToolResult(block: Fields, parent: string | null): NewEvent {
  return {
    type: 'agent.tool_result',
    data: {
      toolUseId: toStorable(toText(block['tool_use_id']) ?? ''),
      isError: block['is_error'] === true,
      ...describeContent(block['content']),
      ...within(parent),
    },
  };
}

function other(message: unknown): NewEvent {
  return { type: 'agent.other', data: { message: toStorableJson(message) } };
}

function within(parent: string | null): { parentToolUseId?: string } {
  return parent === null ? {} : { parentToolUseId: toStorable(parent) };
}

/** Updates a response's tokens: each report of a class replaces the one before, as the Messages API counts. */
function mergeUsage(usage: TokenUsage, reported: unknown): TokenUsage {
  const fields = toFields(reported);
  return {
    inputTokens: toNumber(fields['input_tokens']) ?? usage.inputTokens,
    outputTokens: toNumber(fields['output_tokens']) ?? usage.outputTokens,
    cacheReadTokens: toNumber(fields['cache_read_input_tokens']) ?? usage.cacheReadTokens,
    cacheCreationTokens: toNumber(fields['cache_creation_input_tokens']) ?? usage.cacheCreationTokens,
  };
}
