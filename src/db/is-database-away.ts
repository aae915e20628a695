import { LonghaulError } from '../core/errors.ts';

/** The classes of SQLSTATE that say so: connection, resources, operator intervention, system, rollback (appendix A). */
const AWAY_CLASSES = ['08', '40', '53', '57', '58'];

/** A write on a server that takes none: a standby, or one that was told to. */
const READ_ONLY = '25006';

/** The server has ended the transaction, and its connection, for taking too long: `25P03` between two statements. */
const ENDED_BY_TIMEOUT = ['25P03', '25P04'];

/**
 * Whether an error says that the database cannot be reached or cannot work just now, so that the same statement may
 * succeed later; false when it was refused for what it is. By its SQLSTATE; one without a state comes from the connection.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof LonghaulError) return error.code === 'database_unavailable' || error.code === 'unavailable';
  const state = readState(error);
  if (state === null) return !(error instanceof TypeError || error instanceof RangeError);
  return AWAY_CLASSES.includes(state.slice(0, 2)) || ENDED_BY_TIMEOUT.includes(state) || state === READ_ONLY;
}

/** Whether the server takes no writes: nothing will change about that on the same connection. */
export function isReadOnly(error: unknown): boolean {
  return readState(error) === READ_ONLY;
}

/** Whether a connection on which an error came is not to be used again: it is broken, being ended, or cannot write. */
export function isConnectionSpoilt(error: unknown): boolean {
  const state = readState(error);
  // A statement that was cancelled has its connection still.
  if (state === null || state === '57014') return false;
  return ['08', '57', '58'].includes(state.slice(0, 2)) || ENDED_BY_TIMEOUT.includes(state) || state === READ_ONLY;
}

/** The SQLSTATE of an error of the server's; null for any other. */
function readState(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null;
}
