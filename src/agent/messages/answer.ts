import type { NewEvent } from '../../core/events.ts';

/** A block of text of an answer. */
export interface AnswerPiece {
  readonly text: string;
  /** True when the block continues the previous piece without a gap. */
  readonly isContinuation: boolean;
}

/** Collects a run's answer: all text in the main loop since the last tool use. */
export interface Answer {
  hear(event: NewEvent): void;
  /** The whole answer; empty when there is no text. */
  readonly text: string;
}

/**
 * Creates the collector. Claude Code's own result is only the last block of text, although an answer may have come in
 * several: cut off by its length or by a broken stream and then continued, by the same process or by that of a later
 * attempt (measured, 2.1.330).
 *
 * @param before the answer of earlier attempts with which the conversation ends. Defaults to none.
 */
export function createAnswer(before: readonly AnswerPiece[] = []): Answer {
  let pieces = before.map((piece): AnswerPiece & { blockId: string | null } => ({ ...piece, blockId: null }));

  return {
    hear({ type, data }) {
      if ('parentToolUseId' in data && data.parentToolUseId !== undefined) return;
      if (type === 'agent.text') {
        const { text, blockId, isContinuation = false } = data;
        pieces.push({ text, blockId, isContinuation });
      } else if (type === 'agent.text.abandoned') {
        pieces = pieces.filter(({ blockId }) => blockId !== data.blockId);
      } else if (type === 'agent.tool_use' || type === 'agent.tool_result') pieces = [];
    },
    get text() {
      return joinPieces(pieces);
    },
  };
}

/** Joins the pieces like `textOf` of the client joins a reader's text. */
function joinPieces(pieces: readonly AnswerPiece[]): string {
  return pieces
    .map(({ text, isContinuation }, place) => (place === 0 || isContinuation ? text : `\n\n${text}`))
    .join('');
}
