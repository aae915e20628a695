import type { NewEvent } from '../../core/events.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toNumber, toText } from '../../core/untyped.ts';
import { NO_USAGE, type TokenUsage } from '../../core/usage.ts';
import { createLoopBlocks, type BlockName, type LoopBlocks } from './loop-blocks.ts';
import { within, type Fields } from './message-fields.ts';

/** The responses of the model, in the main loop and in those of subagents. */
export interface ModelResponses {
  /** Answers in the main loop so far, including an unfinished one. */
  readonly turns: number;
  /** The reason why the last answer in the main loop stopped; null when it broke off. */
  readonly stopReason: string | null;
  /** Returns the events of a piece of a response. */
  fromStreamEvent(event: Fields, parent: string | null): NewEvent[];
  /** Begins the response of a message that was not streamed, unless it is the response in progress. */
  beginUnlessKnown(message: Fields, parent: string | null): NewEvent[];
  /** Names a block that Claude Code has kept of the response in progress. */
  keepBlock(type: string, parent: string | null): BlockName;
}

/** A loop, the main one or a subagent's, and the response it is receiving. */
interface Loop {
  readonly blocks: LoopBlocks;
  messageId: string;
  model: string;
  usage: TokenUsage;
}

interface ResponsesState {
  readonly isCutOff: boolean;
  /** By the tool use that started the loop; the empty text is the main loop. */
  readonly loops: Map<string, Loop>;
  /** Number of responses with each id: a provider that uses an id twice must not mix up their blocks. */
  readonly counts: Map<string, number>;
  readonly turnNames: Set<string>;
  stopReason: string | null;
}

/** @param isCutOff true when the continued conversation ends in the middle of a text. */
export function createModelResponses(isCutOff: boolean): ModelResponses {
  const state: ResponsesState = {
    isCutOff,
    loops: new Map(),
    counts: new Map(),
    turnNames: new Set(),
    stopReason: null,
  };
  return {
    get turns() {
      return state.turnNames.size;
    },
    get stopReason() {
      return state.stopReason;
    },
    fromStreamEvent: (event, parent) => fromStreamEvent(state, event, parent),
    beginUnlessKnown(message, parent) {
      const isKnown = state.loops.get(parent ?? '')?.messageId === toStorable(toText(message['id']) ?? '');
      return isKnown ? [] : beginResponse(state, message, { parent, isStreamed: false });
    },
    keepBlock: (type, parent) => state.loops.get(parent ?? '')!.blocks.keep(type),
  };
}

function fromStreamEvent(state: ResponsesState, event: Fields, parent: string | null): NewEvent[] {
  if (event['type'] === 'message_start') {
    return beginResponse(state, toFields(event['message']), { parent, isStreamed: true });
  }
  const loop = state.loops.get(parent ?? '');
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
      if (parent === null) state.stopReason = reason;
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

function beginResponse(
  state: ResponsesState,
  message: Fields,
  { parent, isStreamed }: { parent: string | null; isStreamed: boolean },
): NewEvent[] {
  const { loops, counts, turnNames, isCutOff } = state;
  const messageId = toStorable(toText(message['id']) ?? '');
  const model = toStorable(toText(message['model']) ?? '');
  const count = (counts.get(messageId) ?? 0) + 1;
  counts.set(messageId, count);
  const name = count === 1 ? messageId : `${messageId}~${count}`;
  const key = parent ?? '';
  const blocks = loops.get(key)?.blocks ?? createLoopBlocks({ parent, isCutOff: parent === null && isCutOff });
  const usage = mergeUsage(NO_USAGE, message['usage']);
  loops.set(key, { blocks, messageId, model, usage });
  if (parent === null && model !== '<synthetic>') {
    turnNames.add(name);
    state.stopReason = null;
  }
  return blocks.beginResponse(name, isStreamed);
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
