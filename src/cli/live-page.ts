import type { EventData } from '../core/events.ts';
import { fitInto } from './display-width.ts';
import type { Output } from './shell.ts';
import { toTerminalText } from './terminal-text.ts';

/** The block that a text belongs to. */
export type BlockName = Pick<EventData['agent.text'], 'blockId' | 'isContinuation'>;

/** Text and lines, in the order in which they are shown. */
export interface LivePage {
  readonly style: Output['style'];
  /** Shows the text of a block, in the line of the text before it if the block continues that. */
  write(block: BlockName, text: string): void;
  line(text: string): void;
  /** Shows the line of a tool use. */
  callLine(toolUseId: string, text: string): void;
  /** Returns whether the line of this tool use is the last one. */
  endsWithCall(toolUseId: string): boolean;
  /** Shortens a text so that it fits into a line beside `taken` columns. */
  fit(text: string, taken: number): string;
  /** Shows the last line. */
  close(text: string): void;
}

export function createLivePage(output: Output): LivePage {
  /** The block being written, while the cursor may be within one of its lines. */
  let openBlock: string | null = null;
  let isAtLineStart = true;
  /** The tool use whose line is the last one. */
  let callAbove: string | null = null;
  /** True when something other than text was shown last, so that text needs a gap. */
  let needsGap = false;

  function endText(): void {
    if (openBlock === null) return;
    output.write(isAtLineStart ? '\n' : '\n\n');
    openBlock = null;
    isAtLineStart = true;
  }

  function line(text: string): void {
    endText();
    callAbove = null;
    needsGap = true;
    output.line(text);
  }

  return {
    style: (...args) => output.style(...args),
    write({ blockId, isContinuation }, text) {
      if (openBlock !== blockId) {
        // A continuation stays in the line of the text before it, if that is still the last one.
        if (isContinuation !== true) endText();
        if (needsGap) output.line();
        openBlock = blockId;
      }
      callAbove = null;
      needsGap = false;
      output.write(toTerminalText(text));
      isAtLineStart = text.endsWith('\n');
    },
    line,
    callLine(toolUseId, text) {
      line(text);
      callAbove = toolUseId;
    },
    endsWithCall: (toolUseId) => callAbove === toolUseId,
    fit: (text, taken) => fitInto(text, Math.max(20, output.columns - taken - 1)),
    close(text) {
      endText();
      if (needsGap) output.line();
      output.line(text);
    },
  };
}
