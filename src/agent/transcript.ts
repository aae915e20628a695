/** A line of a conversation as Claude Code writes it. Kept as it came, never looked into. */
export type TranscriptEntry = Readonly<Record<string, unknown>>;

/** Where an attempt's conversation is kept, so that another attempt, on any machine, can continue it. */
export interface Transcript {
  /** Keeps entries; resolves when they are stored. Rejects when the attempt may not write any more. */
  append(
    entries: readonly TranscriptEntry[],
    place: { readonly claudeSessionId: string; readonly subpath: string },
  ): Promise<void>;
  /** The entries so far, in order, or null when there are none. `subpath` is empty for the conversation itself. */
  load(place: { readonly subpath: string }): Promise<TranscriptEntry[] | null>;
  /** The subpaths that have entries: sub-agents' conversations. */
  listSubpaths(): Promise<string[]>;
}
