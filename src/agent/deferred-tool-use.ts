import type { Transcript, TranscriptEntry } from './transcript.ts';
import { toFields } from './untyped.ts';

/**
 * A transcript without Claude Code's word that a tool use was put off. With it Claude Code would do that use by itself
 * when the conversation is taken up, and with a `spawnClaudeCodeProcess` before our hooks are in place: nobody would be
 * asked, not even the workspace guard (measured, 2.1.330). What followed the word follows what came before it.
 */
export function withoutDeferred(transcript: Transcript): Transcript {
  return {
    append: (entries, place) => transcript.append(entries, place),
    listSubpaths: () => transcript.listSubpaths(),
    async load(place) {
      const entries = await transcript.load(place);
      if (entries === null) return null;
      const parents = new Map(entries.filter(isMarker).map((entry) => [entry['uuid'], entry['parentUuid']]));
      return entries.filter((entry) => !isMarker(entry)).map((entry) => reparent(entry, parents));
    },
  };
}

function reparent(entry: TranscriptEntry, parents: ReadonlyMap<unknown, unknown>): TranscriptEntry {
  const { parentUuid } = entry;
  return parents.has(parentUuid) ? { ...entry, parentUuid: parents.get(parentUuid) } : entry;
}

function isMarker(entry: TranscriptEntry): boolean {
  return toFields(entry['attachment'])['type'] === 'hook_deferred_tool';
}
