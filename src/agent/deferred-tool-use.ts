import { toFields, toList, toText } from './untyped.ts';
import type { Transcript, TranscriptEntry } from './transcript.ts';

/**
 * The tool use that a conversation was left at, because a hook had put it off: Claude Code takes it up by itself when the
 * conversation is resumed without a prompt, and asks the hook about it again. Null when there is none, or it was taken up.
 */
export function findDeferred(entries: readonly TranscriptEntry[]): { toolUseId: string; name: string } | null {
  const at = entries.findLastIndex(isMarker);
  if (at === -1) return null;
  const attachment = toAttachment(entries[at]);
  const toolUseId = toText(attachment['toolUseID']);
  const name = toText(attachment['toolName']);
  if (toolUseId === null || name === null) return null;
  const isTakenUp = entries.some((entry, index) => {
    const blocks = toBlocks(entry);
    if (blocks.some(({ tool_use_id: id }) => id === toolUseId)) return true;
    // Somebody has said something since: the model has gone on without it.
    return index > at && blocks.some(({ type }) => type === 'text');
  });
  return isTakenUp ? null : { toolUseId, name };
}

/** A transcript without the word that a tool use was put off: what is resumed from it goes on with a prompt, and nothing else. */
export function withoutDeferred(transcript: Transcript): Transcript {
  return {
    ...transcript,
    async load(place) {
      const entries = await transcript.load(place);
      if (entries === null) return null;
      const dropped = new Map(
        entries.filter(isMarker).map(({ uuid, parentUuid }) => [uuid, parentUuid] as const),
      );
      return entries
        .filter((entry) => !isMarker(entry))
        .map((entry) => (dropped.has(entry['parentUuid']) ? { ...entry, parentUuid: dropped.get(entry['parentUuid']) } : entry));
    },
  };
}

function isMarker(entry: TranscriptEntry): boolean {
  return toAttachment(entry)['type'] === 'hook_deferred_tool';
}

function toAttachment(entry: TranscriptEntry | undefined) {
  return toFields(entry?.['attachment']);
}

/** What a message of the user's is made of; tool results among it. */
function toBlocks(entry: TranscriptEntry): Readonly<Record<string, unknown>>[] {
  if (entry['type'] !== 'user') return [];
  const content = toFields(entry['message'])['content'];
  return typeof content === 'string' ? [{ type: 'text' }] : toList(content).map(toFields);
}
