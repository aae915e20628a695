/**
 * Which parts of the machine's files the processes of an attempt see. All paths are absolute. The deepest one that holds
 * a file decides: what is shown inside a hidden directory is seen, what is hidden inside that is not.
 */
export interface Places {
  /** Files and directories that no attempt may see, whatever is shown: an equal path in `shown` does not count. */
  readonly secret: readonly string[];
  /** Directories of which an attempt sees what is shown, and no more. An equal path in `shown` shows them whole. */
  readonly hidden: readonly string[];
  /** Directories that stand for the attempt's own temporary directory: nothing of theirs is seen, and what is written there is the attempt's. */
  readonly temporary: readonly string[];
  /** Files and directories that are seen although they lie in hidden ones, and devices that the processes of root keep. */
  readonly shown: readonly string[];
}

/** Hides nothing. */
export const NOTHING_HIDDEN: Places = { secret: [], hidden: [], temporary: [], shown: [] };
