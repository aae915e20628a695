/** A line of a conversation, as Claude Code writes it. */
export type TranscriptEntry = Readonly<Record<string, unknown>>;

/** A file that a conversation names: a large result of a tool. */
export interface KeptFile {
  /** The file's name, without a directory. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** The store of a conversation between attempts. The implementation knows whose conversation it is. */
export interface Transcript {
  /**
   * Stores entries; resolves when they are stored, however long that takes. Rejects when the attempt may not write any
   * more: it is then not called again. An entry whose `uuid` is already known is stored once.
   */
  append(
    entries: readonly TranscriptEntry[],
    place: {
      /** Claude Code's id of the conversation. */
      readonly claudeSessionId: string;
      /** Empty for the conversation itself; a subagent has its own path. */
      readonly subpath: string;
    },
  ): Promise<void>;
  /** Returns the stored entries, in order; null when there are none. */
  load(place: { readonly subpath: string }): Promise<TranscriptEntry[] | null>;
  /**
   * Stores files with the conversation, each name once. Rejects when the attempt may not write any more. Absent when
   * files are not stored.
   */
  keepFiles?(files: readonly KeptFile[]): Promise<void>;
  /** Returns the stored files. */
  loadFiles?(): Promise<KeptFile[]>;
  /** Lists the subpaths besides the conversation itself. */
  listSubpaths(): Promise<string[]>;
}
