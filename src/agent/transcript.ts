/** One line of a conversation, as Claude Code writes it. */
export type TranscriptEntry = Readonly<Record<string, unknown>>;

/** A file that a conversation names: a large result of a tool. */
export interface KeptFile {
  /** Its name, without a directory. */
  readonly name: string;
  readonly content: Uint8Array;
}

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
  /**
   * Keeps files with the conversation, each name once. Rejects when the attempt may not write any more. Not there where
   * files are not kept.
   */
  keepFiles?(files: readonly KeptFile[]): Promise<void>;
  /** The files that were kept. */
  loadFiles?(): Promise<KeptFile[]>;
  /** The places beside the conversation itself. */
  listSubpaths(): Promise<string[]>;
}
