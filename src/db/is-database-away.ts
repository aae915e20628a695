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

/** Of the system's errors, those that a connection ends with, or cannot be made for. */
const LOST_BY_SYSTEM =
  /^(?:ECONN(?:REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|E(?:HOST|NET)(?:UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN)$/;

/** Of PostgreSQL's: connection exceptions, shutting down, crashed, starting, gone, no more connections, and no writes. */
const LOST_BY_SERVER = /^(?:08[0-9A-Z]{3}|57P0[1235]|53300|25006)$/;

/** By their words, where `pg` and we ourselves give no code. */
const LOST_IN_WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|The (?:database|listening connection) )/i;

const ofDatabase = new WeakSet<Error>();

/** Notes that an error came from a connection to the database: a system's error does not say whose connection was lost. */
export function noteDatabaseError(error: unknown): void {
  if (error instanceof Error) ofDatabase.add(error);
}

/**
 * Whether an error is plainly about the connection to the database: it was lost, or cannot be made now. Narrower than
 * `isDatabaseAway`, which takes an error that says nothing of its kind for a reason to try again.
 */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // Our own words for another's error say nothing of their own; without one, they are for a server that takes no writes.
  if (error instanceof LonghaulError) {
    return cause === undefined ? code === 'database_unavailable' : isConnectionLost(cause);
  }
  if (typeof code === 'string' && LOST_BY_SERVER.test(code)) return true;
  if (typeof code === 'string' && LOST_BY_SYSTEM.test(code) && ofDatabase.has(error)) return true;
  return LOST_IN_WORDS.test(error.message) || (cause !== undefined && isConnectionLost(cause));
}
