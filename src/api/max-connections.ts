import { readFileSync } from 'node:fs';

/** What is left for all else that the process opens: the database, attempts with their pipes, the gateway, files. */
const SHARE_FOR_CONNECTIONS = 0.75;

/**
 * How many connections the API may have open at once: three quarters of the files that this process may open, so that
 * its readers cannot take those that it works with; null where the system does not say, and where it sets no limit.
 */
export function findMaxConnections(): number | null {
  try {
    const limit = parseOpenFiles(readFileSync('/proc/self/limits', 'latin1'));
    return limit === null ? null : Math.floor(limit * SHARE_FOR_CONNECTIONS);
  } catch {
    return null;
  }
}

/** The soft limit on open files in a text of `/proc/PID/limits`; null: unlimited, or not there. */
export function parseOpenFiles(limits: string): number | null {
  const found = /^Max open files\s+(\d+)\s/m.exec(limits)?.[1];
  return found === undefined ? null : Number(found);
}
