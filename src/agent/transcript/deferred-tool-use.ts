import type { Transcript, TranscriptEntry } from './transcript.ts';
import { toFields } from '../../core/untyped.ts';

/** The result of a deferred tool use for the model. The model receives the decision later, if there is one. */
const PUT_OFF = 'This tool use has not begun: a person is asked first.';

/**
 * Returns a transcript with a result in place of Claude Code's entry for a deferred tool use. With that entry, Claude
 * Code would run the tool itself on resume, and with a `spawnClaudeCodeProcess` before our hooks are installed: no
 * person would be asked, and not even the workspace guard would run. Without the entry and without a result, the model
 * would read that the use's outcome is unknown (measured, 2.1.330), which is wrong: a deferred use has not begun.
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

/** The result keeps the entry's id, so the entries that followed it still do. */
function answer(entry: TranscriptEntry): TranscriptEntry {
  const { attachment, ...rest } = entry;
  const { type, toolUseID } = toFields(attachment);
  if (type !== 'hook_deferred_tool') return entry;
  const content = [{ type: 'tool_result', tool_use_id: toolUseID, content: PUT_OFF, is_error: true }];
  return { ...rest, type: 'user', message: { role: 'user', content } };
}
