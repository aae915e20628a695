/**
 * The parts of the machine's file system that an attempt's processes see. All paths are absolute. The deepest path that
 * contains a file decides: a `shown` path inside a hidden directory is visible, and a hidden path inside that is not.
 */
export interface Places {
  /** Files and directories that no attempt may see. They win over an equal path in `shown`. */
  readonly secret: readonly string[];
  /**
   * Directories in which an attempt sees only the `shown` paths. An equal path in `shown` makes the whole directory
   * visible.
   */
  readonly hidden: readonly string[];
  /**
   * Directories that the attempt's own temporary directory replaces: their content is hidden, and files written there
   * belong to the attempt.
   */
  readonly temporary: readonly string[];
  /**
   * Files and directories that are visible although they lie in hidden ones, and devices that root's processes keep.
   */
  readonly shown: readonly string[];
  /** Directories of programs outside the system's own, which a sandbox shows. */
  readonly programs: readonly string[];
  /** The application of the configuration, which a sandbox shows to agents that start programs from it. */
  readonly application: readonly string[];
}

/** Hides nothing. */
export const NOTHING_HIDDEN: Places = {
  secret: [],
  hidden: [],
  temporary: [],
  shown: [],
  programs: [],
  application: [],
};
