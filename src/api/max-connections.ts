import { readFileSync } from 'node:fs';

/**
 * The share for connections. The rest is for other open files: the database, attempts with their pipes, the gateway.
 */
const SHARE_FOR_CONNECTIONS = 0.75;

/**
 * Finds the maximum number of open connections of the API: three quarters of the files that this process may open, so
 * that clients cannot use up the files that it needs itself; null when the limit is unknown or there is none.
 */
export function findMaxConnections(): number | null {
  try {
    const limit = parseOpenFiles(readFileSync('/proc/self/limits', 'latin1'));
    return limit === null ? null : Math.floor(limit * SHARE_FOR_CONNECTIONS);
  } catch {
    return null;
  }
}

/** Parses the soft limit on open files in the text of `/proc/PID/limits`; null when unlimited or missing. */
export function parseOpenFiles(limits: string): number | null {
  const found = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return found === undefined ? null : Number(found);
}
