/**
 * Text that Longhaul itself sends to a model, in addition to the text of users. Transcripts for people leave it out.
 */

/** Instruction for the model that continues an interrupted conversation. */
export const CONTINUATION =
  'The previous attempt at this task was interrupted before it was finished. Continue from where it stopped. ' +
  'Do not repeat steps that are finished. The outcome of a tool call without a recorded result is unknown: ' +
  'check whether it took effect before you do it again. Where the conversation says that the user rejected or ' +
  'interrupted a tool use, or that you are to stop and wait, it was this interruption and not the user: go on.';

/** Beginning of a list of tools whose outcome is unknown. */
export const UNFINISHED_TOOLS =
  'An earlier attempt at this task used these tools, and was interrupted before their results came. It is unknown whether they took effect: check before you do the same again.';

/** Returns whether a text is Longhaul's, or Claude Code's own note of an interruption. */
export function isOwnWords(text: string): boolean {
  return text === CONTINUATION || text.startsWith(UNFINISHED_TOOLS) || text.startsWith('[Request interrupted by user');
}
