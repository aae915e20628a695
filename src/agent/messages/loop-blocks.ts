import type { EventData, NewEvent } from '../../core/events.ts';
import { toStorable } from '../../core/text.ts';
import { createWholeCharacters } from './whole-characters.ts';

/** The name of a block of text in events, and whether it continues the text before it. */
export type BlockName = Pick<EventData['agent.text'], 'blockId' | 'isContinuation' | 'parentToolUseId'>;

/** Tracks the blocks of the responses in one loop: the main loop, or a subagent's. */
export interface LoopBlocks {
  /** Begins a response. Only a streamed response says why it stopped. */
  beginResponse(name: string, isStreamed: boolean): NewEvent[];
  beginBlock(index: number, type: string): NewEvent[];
  /** Takes a piece of text of a block that is being streamed; it may end in the middle of a character. */
  say(index: number, text: string): NewEvent[];
  /**
   * Notes that Claude Code has added a whole block to the conversation: the streamed block, or a block without a
   * stream.
   */
  keep(type: string): BlockName;
  endBlock(): NewEvent[];
  /** Notes the provider's reason why the response stops. */
  noteStop(reason: string): void;
  endResponse(): NewEvent[];
}

interface OpenBlock extends BlockName {
  readonly index: number;
  readonly type: string;
  isKept: boolean;
  isSaid: boolean;
}

/** The reasons for which an answer stops in the middle: Claude Code then lets the model continue there. */
const CUTTING = new Set(['max_tokens', 'model_context_window_exceeded']);

/** Invisible blocks, which come between the two halves of a text. */
const UNSEEN = new Set(['thinking', 'redacted_thinking']);

interface LoopOptions {
  /** The tool use that began the loop; null for the main loop. */
  readonly parent: string | null;
  /** True when the continued conversation ends in the middle of a text. Defaults to false. */
  readonly isCutOff?: boolean;
}

/**
 * Creates the tracker. Claude Code adds a block to the conversation, as an `assistant` message, before it reports that
 * the block has ended (measured, 2.1.330). So a block that ends without such a message was abandoned, for whatever
 * reason: its stream broke, or it contained only white space.
 */
export function createLoopBlocks({ parent, isCutOff = false }: LoopOptions): LoopBlocks {
  const within = parent === null ? {} : { parentToolUseId: toStorable(parent) };
  const characters = createWholeCharacters();
  let response = '';
  let wholeBlocks = 0;
  let open: OpenBlock | null = null;
  /** True when the reason why the response stopped is known. */
  let isStopKnown = true;
  /** True when the last response stopped in the middle, and when its visible part ends in text. */
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
    // A separate new block means that the text before it was complete. A text before its continuation still waits for
    // it.
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
