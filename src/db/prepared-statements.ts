import { createHash } from 'node:crypto';

/** Names the statements that connections prepare: a connection parses and plans a named statement once. */
export interface PreparedStatements {
  /** Returns the name under which a statement is prepared; undefined when it is not. */
  nameOf(text: string): string | undefined;
  /** Receives the error of a named statement. Nothing more is prepared if a pooler has lost the statement. */
  noteFailure(error: unknown): void;
}

/** Uses of a text before it is prepared: a text with a varying number of rows may be used once. */
const USES_BEFORE = 3;

/** Most prepared statements of a connection: each takes some memory of the server. */
const MOST_PREPARED = 150;

/**
 * Longest statement that is prepared, in characters. The longest of one run has about 5,000; those of many runs at once
 * differ with their number, and take megabytes on each connection.
 */
const MOST_CHARACTERS = 8_000;

/**
 * Statements that look for the queue's messages. Their table is empty at one time and has thousands of rows a second later:
 * a plan made for the empty one reads them all (20 ms instead of 0.3 for a claim beside 20,000, measured), until autovacuum
 * has seen them, a minute later.
 */
const READS_MESSAGES = /\b(?:from|join|update)\s+longhaul_queue\.job/i;

/** Most texts whose uses are counted. */
const MOST_COUNTED = 500;

/** SQLSTATEs of a prepared statement that does not exist, or exists already (PostgreSQL, appendix A). */
const UNKNOWN_STATEMENT = '26000';
const KNOWN_STATEMENT = '42P05';

/** Creates the names of a process. `mayPrepare` is asked for each statement. */
export function createPreparedStatements(mayPrepare: () => boolean): PreparedStatements {
  const names = new Map<string, string>();
  const uses = new Map<string, number>();
  let isLost = false;
  return {
    nameOf(text) {
      if (isLost || text.length > MOST_CHARACTERS || !mayPrepare()) return undefined;
      const name = names.get(text);
      if (name !== undefined || names.size === MOST_PREPARED) return name;
      if (READS_MESSAGES.test(text)) return undefined;
      const count = (uses.get(text) ?? 0) + 1;
      if (uses.size === MOST_COUNTED) uses.clear();
      uses.set(text, count);
      if (count <= USES_BEFORE) return undefined;
      uses.delete(text);
      // The same statement has this name in every process: a pooler may share a connection.
      names.set(text, `longhaul_${createHash('sha1').update(text).digest('hex')}`);
      return names.get(text);
    },
    noteFailure(error) {
      isLost ||= isLostStatement(error);
    },
  };
}

/**
 * Returns whether a statement failed only because it was prepared, so that nothing of it was done: the server does not
 * know it, or a table has got another column since, as in an upgrade while older processes go on.
 */
export function hasFailedAsPrepared(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown };
  return isLostStatement(error) || (code === '0A000' && routine === 'RevalidateCachedQuery');
}

/** Returns whether a prepared statement is unknown to the server, or known already, because a pooler changes connections. */
function isLostStatement(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === UNKNOWN_STATEMENT || code === KNOWN_STATEMENT;
}
