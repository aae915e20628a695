import { LonghaulError } from '../core/errors.ts';

/**
 * SQLSTATE classes of an unavailable database: connection, resources, operator intervention, system, rollback (appendix
 * A).
 */
const AWAY_CLASSES = ['08', '40', '53', '57', '58'];

/** A write to a server that accepts none: a standby, or a server set to read-only. */
const READ_ONLY = '25006';

/**
 * The server has ended the transaction, and its connection, because it took too long: `25P03` between two statements.
 */
const ENDED_BY_TIMEOUT = ['25P03', '25P04'];

/** A statement has waited for a lock for longer than `lock_timeout`. */
const LOCKED = '55P03';

/**
 * Returns whether an error means that the database is unreachable or cannot work just now, so that the same statement
 * may succeed later; false when the statement itself was rejected. Decided by SQLSTATE; an error without a state comes
 * from the connection.
 */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof LonghaulError) return error.code === 'database_unavailable' || error.code === 'unavailable';
  const state = readState(error);
  if (state === null) return !(error instanceof TypeError || error instanceof RangeError);
  return AWAY_CLASSES.includes(state.slice(0, 2)) || [...ENDED_BY_TIMEOUT, LOCKED, READ_ONLY].includes(state);
}

/** Returns whether the server accepts no writes, which does not change on the same connection. */
export function isReadOnly(error: unknown): boolean {
  return readState(error) === READ_ONLY;
}

/** Returns whether a connection must not be used again after this error: it is broken, being ended, or cannot write. */
export function isConnectionSpoilt(error: unknown): boolean {
  const state = readState(error);
  // The connection of a cancelled statement is still usable.
  if (state === null || state === '57014') return false;
  return ['08', '57', '58'].includes(state.slice(0, 2)) || ENDED_BY_TIMEOUT.includes(state) || state === READ_ONLY;
}

/** Reads the SQLSTATE of a server error; null for any other. */
function readState(error: unknown): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** System errors that mean that a connection was lost or cannot be opened. */
const LOST_BY_SYSTEM =
  /^(?:ECONN(?:REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|E(?:HOST|NET)(?:UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN)$/;

/**
 * PostgreSQL errors: connection exceptions, shutting down, crashed, starting, gone, no more connections, and no writes.
 */
const LOST_BY_SERVER = /^(?:08[0-9A-Z]{3}|57P0[1235]|53300|25006)$/;

/** Recognised by message, where `pg` and our own code set no error code. */
const LOST_IN_WORDS =
  /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|The (?:database|listening connection) )/i;

const ofDatabase = new WeakSet<Error>();

/** Records that an error came from a database connection: a system error does not say whose connection was lost. */
export function noteDatabaseError(error: unknown): void {
  if (error instanceof Error) ofDatabase.add(error);
}

/**
 * Returns whether an error is certainly about the connection to the database: it was lost, or cannot be opened now.
 * Narrower than `isDatabaseAway`, which also treats unknown errors as a reason to retry.
 */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  // A LonghaulError is judged by its cause; without a cause, it is about a server that accepts no writes.
  if (error instanceof LonghaulError) {
    return cause === undefined ? code === 'database_unavailable' : isConnectionLost(cause);
  }
  if (typeof code === 'string' && LOST_BY_SERVER.test(code)) return true;
  if (typeof code === 'string' && LOST_BY_SYSTEM.test(code) && ofDatabase.has(error)) return true;
  return LOST_IN_WORDS.test(error.message) || (cause !== undefined && isConnectionLost(cause));
}
