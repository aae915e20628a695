import type { EventData, NewEvent } from '../../core/events.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toList, toText } from '../../core/untyped.ts';
import { toOther, within, type Fields } from './message-fields.ts';
import type { ModelResponses } from './model-responses.ts';
import { toStorableJson } from './storable-json.ts';
import { describeContent } from './tool-result-text.ts';

/** The contents of whole messages: texts, thinking, tool uses and their results. */
export interface MessageContents {
  /** Uses of each tool so far, including subagents. */
  readonly toolUses: Readonly<Record<string, number>>;
  /** The reason of the failed model call behind Claude Code's last made-up answer, such as `rate_limit`. */
  readonly assistantError: string | null;
  fromAssistant(fields: Fields, parent: string | null): NewEvent[];
  /**
   * Returns null when the message carries no tool result and is not a subagent's prompt, which its tool use already
   * contains.
   */
  fromUser(fields: Fields, parent: string | null): NewEvent[] | null;
  /** Reports the texts among the messages that Claude Code has retracted. */
  retract(uuids: unknown): NewEvent[];
}

interface ContentsState {
  readonly responses: ModelResponses;
  /** By the uuid of the message that contained the text. */
  readonly toldTexts: Map<string, EventData['agent.text.abandoned']>;
  readonly toolUseIds: Set<string>;
  readonly toolUses: Map<string, number>;
  assistantError: string | null;
}

export function createMessageContents(responses: ModelResponses): MessageContents {
  const state: ContentsState = {
    responses,
    toldTexts: new Map(),
    toolUseIds: new Set(),
    toolUses: new Map(),
    assistantError: null,
  };
  return {
    get toolUses() {
      return Object.fromEntries(state.toolUses);
    },
    get assistantError() {
      return state.assistantError;
    },
    fromAssistant: (fields, parent) => fromAssistant(state, fields, parent),
    fromUser(fields, parent) {
      const results = toList(toFields(fields['message'])['content'])
        .map(toFields)
        .filter((block) => block['type'] === 'tool_result');
      if (results.length === 0) return parent === null ? null : [];
      return results.map((block) => fromToolResult(block, parent));
    },
    retract: (uuids) => retract(state, uuids),
  };
}

function fromAssistant(state: ContentsState, fields: Fields, parent: string | null): NewEvent[] {
  // Claude Code made up this text for a failed call, with details for operators: the outcome keeps them.
  if (toText(fields['error']) !== null) {
    state.assistantError = toText(fields['error']);
    return [];
  }
  const message = toFields(fields['message']);
  const begun = state.responses.beginUnlessKnown(message, parent);
  const told = toList(message['content']).flatMap((block) => fromBlock(state, toFields(block), parent));
  const uuid = toText(fields['uuid']);
  for (const event of told) {
    if (event.type !== 'agent.text' || uuid === null) continue;
    state.toldTexts.set(uuid, { blockId: event.data.blockId, ...within(parent) });
  }
  return [...begun, ...retract(state, fields['supersedes']), ...told];
}

function fromBlock(state: ContentsState, block: Fields, parent: string | null): NewEvent[] {
  const type = toText(block['type']) ?? '';
  const name = state.responses.keepBlock(type, parent);
  if (type === 'text') {
    const text = toStorable(toText(block['text']) ?? '');
    return text === '' ? [] : [{ type: 'agent.text', data: { text, ...name } }];
  }
  if (type === 'thinking') {
    // Some models hide their thinking and send it empty.
    const text = toStorable(toText(block['thinking']) ?? '');
    return text === '' ? [] : [{ type: 'agent.thinking', data: { text, ...within(parent) } }];
  }
  if (type.endsWith('tool_use')) return [fromToolUse(state, block, parent)];
  if (type.endsWith('tool_result')) return [fromToolResult(block, parent)];
  return type === 'redacted_thinking' ? [] : [toOther(block)];
}

function fromToolUse({ toolUseIds, toolUses }: ContentsState, block: Fields, parent: string | null): NewEvent {
  const toolUseId = toStorable(toText(block['id']) ?? '');
  const tool = toStorable(toText(block['name']) ?? '');
  if (!toolUseIds.has(toolUseId)) toolUses.set(tool, (toolUses.get(tool) ?? 0) + 1);
  toolUseIds.add(toolUseId);
  const input = toStorableJson(block['input'] ?? {});
  return { type: 'agent.tool_use', data: { toolUseId, name: tool, input, ...within(parent) } };
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

function retract({ toldTexts }: ContentsState, uuids: unknown): NewEvent[] {
  return toList(uuids).flatMap((value): NewEvent[] => {
    const uuid = toText(value) ?? '';
    const data = toldTexts.get(uuid);
    toldTexts.delete(uuid);
    return data === undefined ? [] : [{ type: 'agent.text.abandoned', data }];
  });
}
