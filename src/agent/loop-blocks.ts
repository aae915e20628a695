import type { EventData, NewEvent } from '../core/events.ts';
import { toStorable } from '../core/text.ts';
import { createWholeCharacters } from './whole-characters.ts';

/** How a block of text is named in events, and whether it goes on with the text before it. */
type BlockName = Pick<EventData['agent.text'], 'blockId' | 'isContinuation' | 'parentToolUseId'>;

/** Follows the blocks of the responses that one loop receives: the main one, or a sub-agent's. */
export interface LoopBlocks {
  /** A response begins. Only a streamed one says how it stopped. */
  beginResponse(name: string, isStreamed: boolean): NewEvent[];
  beginBlock(index: number, type: string): NewEvent[];
  /** Takes a piece of the text of a block that is being streamed: it may end in the middle of a character. */
  say(index: number, text: string): NewEvent[];
  /** Claude Code has taken a whole block into the conversation: the one being streamed, or one that was not streamed. */
  keep(type: string): BlockName;
  endBlock(): NewEvent[];
  /** Why the response stops, as the provider says. */
  noteStop(reason: string): void;
  endResponse(): NewEvent[];
}

interface OpenBlock extends BlockName {
  readonly index: number;
  readonly type: string;
  isKept: boolean;
  isSaid: boolean;
}

/** The reasons for which an answer stops in the middle: Claude Code then has the model go on where it stopped. */
const CUTTING = new Set(['max_tokens', 'model_context_window_exceeded']);

/** Blocks that nobody sees, which come between the two halves of a text. */
const UNSEEN = new Set(['thinking', 'redacted_thinking']);

interface LoopOptions {
  /** The tool use that has begun the loop; null for the main one. */
  readonly parent: string | null;
  /** Whether the conversation that it goes on with ends in the middle of a text. Defaults to false. */
  readonly isCutOff?: boolean;
}

/**
 * Claude Code takes a block into the conversation, as an `assistant` message, before it says that the block has ended
 * (measured, 2.1.330). So a block that ends without one was given up, for whatever reason: its stream broke, or it held
 * nothing but white space.
 */
export function createLoopBlocks({ parent, isCutOff = false }: LoopOptions): LoopBlocks {
  const within = parent === null ? {} : { parentToolUseId: toStorable(parent) };
  const characters = createWholeCharacters();
  let response = '';
  let wholeBlocks = 0;
  let open: OpenBlock | null = null;
  /** Whether it is known how the response stopped. */
  let isStopKnown = true;
  /** Whether the last response stopped in the middle, and whether what can be seen of it ends in text. */
  let isCut = isCutOff;
  let endsInText = isCutOff;

  function openBlock(index: number, type: string): OpenBlock {
    const isContinuation = type === 'text' && isCut && endsInText;
    const blockId = `${response}:${index}`;
    return { blockId, ...(isContinuation && { isContinuation }), ...within, index, type, isKept: false, isSaid: false };
  }

  function leaveBlock(): NewEvent[] {
    const left = open;
    open = null;
    if (left === null || left.isKept) return [];
    // The text before a block of its own had come to its end. One before its continuation still waits for that.
    if (!UNSEEN.has(left.type) && left.isContinuation !== true) endsInText = false;
    return left.isSaid ? [{ type: 'agent.text.abandoned', data: { blockId: left.blockId, ...within } }] : [];
  }

  function leaveResponse(): NewEvent[] {
    if (!isStopKnown) isCut = true;
    isStopKnown = true;
    return leaveBlock();
  }

  return {
    beginResponse(name, isStreamed) {
      const events = leaveResponse();
      response = name;
      wholeBlocks = 0;
      isStopKnown = !isStreamed;
      return events;
    },
    beginBlock(index, type) {
      const events = leaveBlock();
      open = openBlock(index, type);
      return events;
    },
    say(index, text) {
      const events = open?.index === index ? [] : leaveBlock();
      open ??= openBlock(index, 'text');
      const whole = toStorable(characters.take(open.blockId, text));
      if (whole === '') return events;
      open.isSaid = true;
      return [...events, { type: 'agent.text.delta', data: { text: whole, ...toName(open) } }];
    },
    keep(type) {
      const block = open === null || open.isKept ? openBlock(wholeBlocks, type) : open;
      block.isKept = true;
      wholeBlocks += 1;
      if (!UNSEEN.has(type)) {
        endsInText = type === 'text';
        isCut = false;
      }
      return toName(block);
    },
    endBlock: leaveBlock,
    noteStop(reason) {
      isStopKnown = true;
      isCut = CUTTING.has(reason);
    },
    endResponse: leaveResponse,
  };
}

function toName({ blockId, isContinuation, parentToolUseId }: BlockName): BlockName {
  return {
    blockId,
    ...(isContinuation && { isContinuation }),
    ...(parentToolUseId !== undefined && { parentToolUseId }),
  };
}
