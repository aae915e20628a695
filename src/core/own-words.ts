/** What Longhaul itself says to a model, beside what users say: a transcript that people read is shown without it. */

/** Said to the model that takes up a conversation where another was cut off. */
export const CONTINUATION =
  'The previous attempt at this task was interrupted before it was finished. Continue from where it stopped. ' +
  'Do not repeat steps that are finished. The outcome of a tool call without a recorded result is unknown: ' +
  'check whether it took effect before you do it again. Where the conversation says that the user rejected or ' +
  'interrupted a tool use, or that you are to stop and wait, it was this interruption and not the user: go on.';

/** What a list of tools begins with whose outcome is not known. */
export const UNFINISHED_TOOLS =
  'An earlier attempt at this task used these tools, and was interrupted before their results came. Whether they took effect is unknown: check before you do the same again.';

/** Whether a text is Longhaul's, or Claude Code's own note of an interruption. */
export function isOwnWords(text: string): boolean {
  return text === CONTINUATION || text.startsWith(UNFINISHED_TOOLS) || text.startsWith('[Request interrupted by user');
}
