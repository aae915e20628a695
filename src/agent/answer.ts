import type { NewEvent } from '../core/events.ts';

/** One block of text of an answer. */
export interface AnswerPiece {
  readonly text: string;
  /** Whether it goes on, without a gap, with the piece before it. */
  readonly isContinuation: boolean;
}

/** Follows what a run answers: all it has said in the main loop since its last use of a tool. */
export interface Answer {
  hear(event: NewEvent): void;
  /** The whole of it; empty when nothing was said. */
  readonly text: string;
}

/**
 * Claude Code's own result is the last block of text alone, although an answer may have come in several: cut by its
 * length or by a broken stream and then continued, by the same process or by that of a later attempt (measured, 2.1.330).
 *
 * @param before what earlier attempts have answered and the conversation ends in. Defaults to nothing.
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

/** As `textOf` of the client joins what a reader has had. */
function joinPieces(pieces: readonly AnswerPiece[]): string {
  return pieces
    .map(({ text, isContinuation }, place) => (place === 0 || isContinuation ? text : `\n\n${text}`))
    .join('');
}
