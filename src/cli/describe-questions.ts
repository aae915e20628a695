import { toQuestions } from '../core/questions.ts';
import { toTerminalLine } from './terminal-text.ts';

/** Returns an agent's questions, each on a line with the answers it offers; safe for a terminal. */
export function describeQuestions(input: unknown): string[] {
  return toQuestions(input).map(({ question, labels }) => {
    const offered = labels.length === 0 ? '' : `  (${labels.map(toTerminalLine).join(' · ')})`;
    return `${toTerminalLine(question)}${offered}`;
  });
}
