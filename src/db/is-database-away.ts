/**
 * Whether an error says that the database cannot be reached or cannot work just now, so that the same statement may
 * succeed later; false when it was refused for what it is. By the class of the SQLSTATE: connection, resources,
 * operator intervention, system, rollback (PostgreSQL, appendix A); one without a state comes from the connection.
 */
export function isDatabaseAway(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== 'string' || !/^(?=.*\d)[0-9A-Z]{5}$/.test(code))
    return !(error instanceof TypeError || error instanceof RangeError);
  return ['08', '40', '53', '57', '58'].includes(code.slice(0, 2));
}

/** Of the system's errors, those that a connection ends with, or cannot be made for. */
const LOST_BY_SYSTEM =
  /^(?:ECONN(?:REFUSED|RESET|ABORTED)|ETIMEDOUT|EPIPE|E(?:HOST|NET)(?:UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN)$/;

/** Of PostgreSQL's: connection exceptions, shutting down, crashed, starting, gone, and no more connections. */
const LOST_BY_SERVER = /^(?:08[0-9A-Z]{3}|57P0[1235]|53300)$/;

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
  if (typeof code === 'string' && LOST_BY_SERVER.test(code)) return true;
  if (typeof code === 'string' && LOST_BY_SYSTEM.test(code) && ofDatabase.has(error)) return true;
  return LOST_IN_WORDS.test(error.message) || (cause !== undefined && isConnectionLost(cause));
}
