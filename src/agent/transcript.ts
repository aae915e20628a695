/** One line of a conversation, as Claude Code writes it. */
export type TranscriptEntry = Readonly<Record<string, unknown>>;

/** Where a conversation is kept from one attempt to the next. Whoever implements it knows whose it is. */
export interface Transcript {
  /**
   * Keeps entries; resolves when they are stored, however long that takes. Rejects when the attempt may not
   * write any more: then nothing more is brought to it. An entry whose `uuid` is known already is kept once.
   */
  append(
    entries: readonly TranscriptEntry[],
    place: {
      /** What Claude Code calls the conversation. */
      readonly claudeSessionId: string;
      /** Empty for the conversation itself; a sub-agent's has a path of its own. */
      readonly subpath: string;
    },
  ): Promise<void>;
  /** What was kept, in order; null when there is nothing. */
  load(place: { readonly subpath: string }): Promise<TranscriptEntry[] | null>;
  /** The places beside the conversation itself. */
  listSubpaths(): Promise<string[]>;
}
