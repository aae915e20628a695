import type pg from 'pg';
import { LonghaulError } from '../core/errors.ts';

/**
 * The settings that Longhaul relies on. A role, a database or the server's own configuration may change them, and each
 * change then breaks something: how dates, numbers and bytes are read, how texts are quoted, which functions a name
 * means, how long a statement may take, that two transactions may both read a row that one of them writes, and which
 * index a list is read from. A setting that this server does not know is skipped.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  // Every name in our statements has its schema.
  search_path: 'pg_catalog',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // A plan over many runs seems worth compiling, although its page is a few rows.
  jit: 'off',
  // Lists are read in the order of one index. PostgreSQL would sort the rows of another index that begins with the same
  // column, because it expects many values of that column where there is one.
  enable_incremental_sort: 'off',
  // The limits that Longhaul needs are in `SessionOptions`.
  transaction_timeout: '0',
  idle_session_timeout: '0',
};

export interface SessionOptions {
  /**
   * Longest time that the server waits for the next statement of a transaction before it ends the connection, in ms. 0:
   * no limit.
   */
  readonly idleInTransactionMs: number;
  /**
   * Longest time that the server works on a statement before it cancels it, in ms. 0: no limit. A caller that gives up
   * only on its own side leaves the statement, its locks and its connection behind on the server.
   */
  readonly statementMs: number;
  /** Longest time that a statement waits for a lock, in ms. 0: no limit. Shorter, so that the error names the cause. */
  readonly lockMs: number;
}

/** For connections whose work may take any time. */
export const NO_TIME_LIMITS: SessionOptions = { idleInTransactionMs: 0, statementMs: 0, lockMs: 0 };

interface SessionFacts {
  readonly encoding: string;
  readonly isReadOnly: boolean;
}

/**
 * Prepares a new connection for our statements. Uses statements rather than the connection's startup packet, in which
 * poolers reject settings that they do not know.
 * @throws {LonghaulError} `database_unsuitable` when the database cannot store every text, `database_unavailable` when
 * it accepts no writes at the moment.
 */
export async function prepareSession(client: pg.ClientBase, options: SessionOptions): Promise<void> {
  const settings = {
    ...SETTINGS,
    idle_in_transaction_session_timeout: String(options.idleInTransactionMs),
    statement_timeout: String(options.statementMs),
    lock_timeout: String(options.lockMs),
  };
  const wanted = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  const answers: unknown = await client.query(`
    select pg_catalog.set_config(name, value, false)
      from (values ${wanted.join(', ')}) as wanted (name, value)
     where pg_catalog.current_setting(name, true) operator(pg_catalog.<>) value;
    select pg_catalog.current_setting('server_encoding') as encoding,
           pg_catalog.current_setting('transaction_read_only') = 'on' as "isReadOnly"`);
  const [, { rows }] = answers as [unknown, pg.QueryResult<SessionFacts>];
  const { encoding, isReadOnly } = rows[0]!;
  if (encoding !== 'UTF8') {
    throw new LonghaulError('database_unsuitable', {
      message: `Longhaul needs a database with the encoding UTF8. This database has ${encoding}, which cannot store most texts. Create another: create database longhaul encoding 'UTF8' template template0`,
    });
  }
  if (isReadOnly) throw readOnlyError();
}

function readOnlyError(): LonghaulError {
  return new LonghaulError('database_unavailable', {
    message:
      'The database takes no writes at the moment: the server is a standby, or default_transaction_read_only is on.',
  });
}
