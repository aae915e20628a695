import { CONTINUATION, UNFINISHED_TOOLS } from '../../core/own-words.ts';
import { head } from '../../core/text.ts';

export { CONTINUATION };

/** A tool use without a result. */
export interface UnfinishedToolUse {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: unknown;
}

/** Characters of a tool's input that the model is reminded of. */
const INPUT_LENGTH = 2_000;

/** Describes to the model the tool uses that the conversation does not contain; null when there are none. */
export function describeUnfinished(uses: readonly UnfinishedToolUse[]): string | null {
  if (uses.length === 0) return null;
  const lines = uses.map(({ name, input }) => `- ${name} ${head(JSON.stringify(input), INPUT_LENGTH)}`);
  return `${UNFINISHED_TOOLS}\n${lines.join('\n')}`;
}

/** A tool use that waited for a person, or for the client's result, and has been decided, but has not begun. */
export interface DecidedToolUse extends UnfinishedToolUse {
  readonly isAllowed: boolean;
  /** True for a tool that the client runs: allowed means that its result is there. */
  readonly isCustom: boolean;
  readonly reason: string | null;
  /** The user's answers to a question. Null for any other tool. */
  readonly answers: unknown;
}

/** Describes to the model the decisions made while it was away; null when there are none. */
export function describeDecided(uses: readonly DecidedToolUse[]): string | null {
  if (uses.length === 0) return null;
  const lines = uses.map((use) => {
    const reason = use.reason === null ? '' : ` The reason given: ${use.reason}`;
    return `- ${use.name} ${head(JSON.stringify(use.input), INPUT_LENGTH)}\n  ${describeDecision(use)}${reason}`;
  });
  return `These tool uses waited for a decision or a result and have not begun; no outcome of theirs is unknown. Each was decided meanwhile:\n${lines.join('\n')}`;
}

function describeDecision({ isAllowed, isCustom, answers }: DecidedToolUse): string {
  if (isCustom) {
    return isAllowed
      ? 'Its result has come: use it again now, with exactly the same input, to receive it.'
      : 'No result has come in time.';
  }
  if (!isAllowed) return 'Denied: do not use it again for this.';
  if (answers !== null) return `The user has answered: ${JSON.stringify(answers)}. Do not ask again.`;
  return 'Allowed: use it again now, with exactly the same input. Another input would have to wait again.';
}
