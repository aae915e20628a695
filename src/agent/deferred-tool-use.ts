import type { Transcript, TranscriptEntry } from './transcript.ts';
import { toFields } from '../core/untyped.ts';

/** What the model reads as the result of a tool use that was put off. What was decided is said to it later on, if it was. */
const PUT_OFF = 'This tool use has not begun: a person is asked first.';

/**
 * A transcript with a result in the place of Claude Code's word that a tool use was put off. With that word Claude Code
 * would do the use by itself when the conversation is taken up, and with a `spawnClaudeCodeProcess` before our hooks are
 * in place: nobody would be asked, not even the workspace guard. Without it and without a result the model would read that
 * the use's outcome is unknown (measured, 2.1.330), which is not so: what was put off has not begun.
 */
export function answerDeferred(transcript: Transcript): Transcript {
  return {
    ...transcript,
    async load(place) {
      const entries = await transcript.load(place);
      return entries?.map(answer) ?? null;
    },
  };
}

/** What followed the word follows the result: it has the word's own id. */
function answer(entry: TranscriptEntry): TranscriptEntry {
  const { attachment, ...rest } = entry;
  const { type, toolUseID } = toFields(attachment);
  if (type !== 'hook_deferred_tool') return entry;
  const content = [{ type: 'tool_result', tool_use_id: toolUseID, content: PUT_OFF, is_error: true }];
  return { ...rest, type: 'user', message: { role: 'user', content } };
}
