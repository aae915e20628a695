import type { NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import { NO_USAGE, type TokenUsage } from '../core/usage.ts';
import { toStorableJson } from './storable-json.ts';
import { createWholeCharacters, type WholeCharacters } from './whole-characters.ts';
import { describeContent } from './tool-result-text.ts';
import { toFields, toList, toNumber, toText } from '../core/untyped.ts';

/**
 * The one place where Claude Code's messages become events of a run. A message is read as untyped data, so
 * that a version that words one differently costs an event, never the run.
 *
 * | message | events |
 * |---|---|
 * | `system/init` | `agent.init` |
 * | `stream_event`: text delta | `agent.text.delta` |
 * | `stream_event`: end of a response | `agent.usage` |
 * | `assistant`: text, thinking, a tool use | `agent.text`, `agent.thinking`, `agent.tool_use` |
 * | `user`: a tool's result | `agent.tool_result` |
 * | `system/api_retry`, `system/permission_denied` | `agent.api_retry`, `agent.permission_denied` |
 * | `result` | none: the run's own final event says it |
 * | those of `DROPPED` | none |
 * | anything else | `agent.other`, as it came |
 */
export interface MessageMapper {
  /** The events of one message, in order. Never throws. */
  toEvents(message: unknown): NewEvent[];
  /** Answers of the model in the main loop so far, an unfinished one included: what a person counts as turns. */
  readonly turns: number;
  /** How often each tool was called so far, by sub-agents too. */
  readonly toolUses: Readonly<Record<string, number>>;
  /** Why Claude Code's last made-up answer stands for a failed call of the model, such as `rate_limit`. */
  readonly assistantError: string | null;
}

/** Progress of Claude Code itself, repeated often, that says nothing about the run. */
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
  // A sub-agent's beginning and end: the use of the tool that starts it, and its result, say both.
  'system/task_started',
  'system/task_updated',
  'system/task_notification',
  'system/task_progress',
]);

/** What is known of the response that a loop (the main one, or a sub-agent's) is receiving. */
interface Response {
  readonly messageId: string;
  readonly model: string;
  usage: TokenUsage;
  /** The block being streamed, or null between two. */
  openBlock: number | null;
  /** Whole blocks received: names a block that was not streamed. */
  wholeBlocks: number;
}

export function createMessageMapper(): MessageMapper {
  /** By the tool use that started the loop; the empty text is the main loop. */
  const responses = new Map<string, Response>();
  const characters = new Map<string, WholeCharacters>();
  const turnIds = new Set<string>();
  const toolUseIds = new Set<string>();
  const toolUses = new Map<string, number>();
  let assistantError: string | null = null;

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
    if (event['type'] === 'message_start') {
      const response = openResponse(toFields(event['message']), parent);
      response.usage = mergeUsage(response.usage, toFields(event['message'])['usage']);
      return [];
    }
    const response = responses.get(parent ?? '');
    if (response === undefined) return [];
    switch (event['type']) {
      case 'content_block_start':
        response.openBlock = toNumber(event['index']);
        return [];
      case 'content_block_stop':
        response.openBlock = null;
        return [];
      case 'content_block_delta': {
        const delta = toFields(event['delta']);
        const text = delta['type'] === 'text_delta' ? toText(delta['text']) : null;
        if (text === null || text === '') return [];
        const blockId = `${response.messageId}:${toNumber(event['index']) ?? 0}`;
        const whole = charactersOf(parent).take(blockId, text);
        if (whole === '') return [];
        return [{ type: 'agent.text.delta', data: { text: toStorable(whole), blockId, ...within(parent) } }];
      }
      case 'message_delta':
        response.usage = mergeUsage(response.usage, event['usage']);
        return [];
      case 'message_stop':
        return [{ type: 'agent.usage', data: { ...response.usage, model: response.model, ...within(parent) } }];
      default:
        return [];
    }
  }

  function charactersOf(parent: string | null): WholeCharacters {
    const key = parent ?? '';
    const known = characters.get(key) ?? createWholeCharacters();
    characters.set(key, known);
    return known;
  }

  function fromAssistant(fields: Fields, parent: string | null): NewEvent[] {
    // Words that Claude Code made up for a failed call, with details that are for operators: the outcome keeps them.
    if (toText(fields['error']) !== null) {
      assistantError = toText(fields['error']);
      return [];
    }
    const message = toFields(fields['message']);
    const response = openResponse(message, parent);
    return toList(message['content']).flatMap((block): NewEvent[] => {
      const index = response.openBlock ?? response.wholeBlocks;
      response.wholeBlocks += 1;
      return fromBlock(toFields(block), { blockId: `${response.messageId}:${index}`, parent });
    });
  }

  function fromBlock(block: Fields, { blockId, parent }: { blockId: string; parent: string | null }): NewEvent[] {
    const type = toText(block['type']) ?? '';
    if (type === 'text') {
      const text = toStorable(toText(block['text']) ?? '');
      return text === '' ? [] : [{ type: 'agent.text', data: { text, blockId, ...within(parent) } }];
    }
    if (type === 'thinking') {
      // Some models keep their thinking to themselves and send it empty.
      const text = toStorable(toText(block['thinking']) ?? '');
      return text === '' ? [] : [{ type: 'agent.thinking', data: { text, ...within(parent) } }];
    }
    if (type.endsWith('tool_use')) {
      const toolUseId = toStorable(toText(block['id']) ?? '');
      const name = toStorable(toText(block['name']) ?? '');
      if (!toolUseIds.has(toolUseId)) toolUses.set(name, (toolUses.get(name) ?? 0) + 1);
      toolUseIds.add(toolUseId);
      const input = toStorableJson(block['input'] ?? {});
      return [{ type: 'agent.tool_use', data: { toolUseId, name, input, ...within(parent) } }];
    }
    if (type.endsWith('tool_result')) return [fromToolResult(block, parent)];
    return type === 'redacted_thinking' ? [] : [other(block)];
  }

  /** Null when the message carries no tool's result, and is not what a sub-agent was asked: its tool use says that. */
  function fromUser(fields: Fields, parent: string | null): NewEvent[] | null {
    const results = toList(toFields(fields['message'])['content'])
      .map(toFields)
      .filter((block) => block['type'] === 'tool_result');
    if (results.length === 0) return parent === null ? null : [];
    return results.map((block) => fromToolResult(block, parent));
  }

  function openResponse(message: Fields, parent: string | null): Response {
    const messageId = toStorable(toText(message['id']) ?? '');
    const known = responses.get(parent ?? '');
    if (known?.messageId === messageId) return known;
    const model = toStorable(toText(message['model']) ?? '');
    const response = { messageId, model, usage: NO_USAGE, openBlock: null, wholeBlocks: 0 };
    responses.set(parent ?? '', response);
    if (parent === null && model !== '<synthetic>') turnIds.add(messageId);
    return response;
  }

  return {
    toEvents,
    get turns() {
      return turnIds.size;
    },
    get toolUses() {
      return Object.fromEntries(toolUses);
    },
    get assistantError() {
      return assistantError;
    },
  };
}

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

/** A response's tokens so far: each report of a class replaces the one before, as the Messages API counts. */
function mergeUsage(usage: TokenUsage, reported: unknown): TokenUsage {
  const fields = toFields(reported);
  return {
    inputTokens: toNumber(fields['input_tokens']) ?? usage.inputTokens,
    outputTokens: toNumber(fields['output_tokens']) ?? usage.outputTokens,
    cacheReadTokens: toNumber(fields['cache_read_input_tokens']) ?? usage.cacheReadTokens,
    cacheCreationTokens: toNumber(fields['cache_creation_input_tokens']) ?? usage.cacheCreationTokens,
  };
}
