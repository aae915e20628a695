import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAuditMany, type AuditRecord } from '../audit/record.ts';
import type { Database, Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { toTicks } from './cron.ts';

/** The tables with rows that tick. */
export type TickTable = 'longhaul.schedules' | 'longhaul.managed_deployments';

/** Columns of every row that ticks. */
export interface TickRow {
  readonly id: string;
  readonly cron: string;
  readonly time_zone: string;
  readonly missed: 'skip' | 'once' | 'all';
  readonly next_at: Date | null;
  readonly last_at: Date | null;
}

/** A tick that is due, of a locked row. */
export interface Tick<Row> {
  readonly row: Row;
  readonly tickAt: Date;
  readonly now: Date;
}

/** The reason why a tick was rejected. */
export interface Rejection {
  readonly code: string;
  readonly message: string;
}

/** A kind of row that ticks: its table, and the work of a tick. */
export interface TickKind<Row extends TickRow> {
  readonly table: TickTable;
  /**
   * SQL: true for a row, named `due`, whose ticks this server can make. Ticks of other rows are left to other servers for
   * a minute.
   */
  readonly isKnown: RawBuilder<SqlBool>;
  /**
   * Does the work of a tick; returns the id of the run or session that it made. An error that `toRejection` knows rolls
   * its changes back, and no others. A unique violation says that the tick was made before, by a clock that was ahead.
   */
  make(trx: Transaction, tick: Tick<Row>): Promise<string>;
  /** Returns why a tick was rejected; null for a failure, after which the tick is made again. */
  toRejection(error: unknown): Rejection | null;
  /** Records why a tick was rejected. */
  reject(trx: Transaction, tick: Tick<Row>, rejection: Rejection): Promise<void>;
  /** Returns the entry in the audit record for a row that was paused because its API key was revoked. */
  toPauseRecord(row: Row): Pick<AuditRecord, 'action' | 'subject' | 'data'>;
}

/** The result of one tick. */
export interface Ticked {
  /** The row's. */
  readonly id: string;
  /** Null: due ticks were missed, and skipped. */
  readonly tickAt: Date | null;
  /** The id of the run or session; null: the tick was rejected, or made before. */
  readonly madeId: string | null;
  readonly rejection: Rejection | null;
}

/** Makes the ticks of one kind of row. */
export interface Ticker {
  /**
   * Returns whether any of the following would find a row, with one statement that locks nothing: every server and worker
   * asks each second.
   */
  hasWork(now: Date): Promise<boolean>;
  /**
   * Makes the tick that has been due longest, if any: its work and the row's next tick in one transaction. If the work is
   * rejected, that is recorded instead. Null: nothing is due.
   *
   * Locks the row: of many servers one makes the tick, and the others skip it. A row that is changed or deleted at the
   * same time is read either before or after the change, never in between.
   */
  tickNext(now: Date): Promise<Ticked | null>;
  /** Pauses the rows whose API key was revoked; returns their ids. */
  pauseOfRevokedKeys(now: Date): Promise<string[]>;
  /**
   * Makes rows continue from `now` on whose last tick is in the future: the clock was set back. Returns their number.
   */
  followClockBack(now: Date): Promise<number>;
}

/** A tick within a minute of its time is not missed: a server may have been restarted meanwhile. */
const IN_TIME_MS = 60_000;

/** Most missed ticks that are made later. */
const MOST_MADE_UP = 100;

/** Raised by the unique index that allows one run a tick. */
const UNIQUE_VIOLATION = '23505';

/** Creates the ticker of a kind of row. */
export function createTicker<Row extends TickRow>(database: Database, kind: TickKind<Row>): Ticker {
  return {
    hasWork: (now) => hasWork(database, { kind, now }),
    tickNext: (now) =>
      retryDeadlock(() => database.sql.transaction().execute(async (trx) => tickWithin(trx, { kind, now }))),
    pauseOfRevokedKeys: (now) =>
      database.sql.transaction().execute(async (trx) => pauseOfRevokedKeys(trx, { kind, now })),
    followClockBack: (now) => database.sql.transaction().execute(async (trx) => followClockBack(trx, { kind, now })),
  };
}

interface TickOptions<Row extends TickRow> {
  readonly kind: TickKind<Row>;
  readonly now: Date;
}

async function hasWork<Row extends TickRow>(database: Database, { kind, now }: TickOptions<Row>): Promise<boolean> {
  const { rows } = await sql`
    select from ${sql.table(kind.table)}
     where next_at <= ${now} or next_at is not null and (last_at > ${new Date(now.getTime() + IN_TIME_MS)} or ${HAS_NO_KEY})
     limit 1`.execute(database.sql);
  return rows.length > 0;
}

/** SQL: true for a row whose API key was revoked. */
const HAS_NO_KEY = sql`created_by in (select id from longhaul.api_keys where revoked_at is not null)`;

async function tickWithin<Row extends TickRow>(trx: Transaction, options: TickOptions<Row>): Promise<Ticked | null> {
  const { kind, now } = options;
  const row = await lockDue(trx, options);
  if (row === null) return null;
  const { tickAt, nextAt } = toDue(row, now);
  await sql`
    update ${sql.table(kind.table)}
       set next_at = ${nextAt}::timestamptz, last_at = coalesce(${tickAt}::timestamptz, last_at)
     where id = ${row.id}`.execute(trx);
  const skipped = { id: row.id, tickAt, madeId: null, rejection: null };
  return tickAt === null ? skipped : { ...skipped, ...(await makeTick(trx, kind, { row, tickAt, now })) };
}

/** For a minute, leaves a tick that this server cannot make to others. */
async function lockDue<Row extends TickRow>(trx: Transaction, { kind, now }: TickOptions<Row>): Promise<Row | null> {
  const { rows } = await sql<Row>`
    select due.* from ${sql.table(kind.table)} as due
     where due.next_at <= ${now} and (${kind.isKnown} or due.next_at <= ${new Date(now.getTime() - IN_TIME_MS)})
       and not exists (select from longhaul.api_keys as key where key.id = due.created_by and key.revoked_at is not null)
     order by due.next_at limit 1 for update skip locked`.execute(trx);
  return rows[0] ?? null;
}

/** Returns the tick to make, or null if it was missed and is skipped, and the tick after it. */
function toDue(row: TickRow, now: Date): { tickAt: Date | null; nextAt: Date | null } {
  const ticks = toTicks(row.cron, row.time_zone);
  const after = new Date(row.next_at!.getTime() - 1);
  const due = ticks.between({ after, until: now, count: row.missed === 'all' ? MOST_MADE_UP : 1 });
  const [first = null, second = null] = due;
  const isSkipped = row.missed === 'skip' && first !== null && now.getTime() - first.getTime() > IN_TIME_MS;
  return { tickAt: isSkipped ? null : first, nextAt: second ?? ticks.next(now) };
}

/** Does the work. A rejection rolls back only the work: the row stays locked until the rejection is recorded. */
async function makeTick<Row extends TickRow>(
  trx: Transaction,
  kind: TickKind<Row>,
  tick: Tick<Row>,
): Promise<Pick<Ticked, 'madeId' | 'rejection'>> {
  await sql`savepoint tick`.execute(trx);
  try {
    return { madeId: await kind.make(trx, tick), rejection: null };
  } catch (error) {
    const isMadeBefore = (error as { code?: unknown }).code === UNIQUE_VIOLATION;
    const rejection = isMadeBefore ? null : kind.toRejection(error);
    if (!isMadeBefore && rejection === null) throw error;
    await sql`rollback to savepoint tick`.execute(trx);
    if (rejection !== null) await kind.reject(trx, tick, rejection);
    return { madeId: null, rejection };
  }
}

async function pauseOfRevokedKeys<Row extends TickRow>(
  trx: Transaction,
  { kind, now }: TickOptions<Row>,
): Promise<string[]> {
  const { rows } = await sql<Row>`
    update ${sql.table(kind.table)} set paused_at = ${now}, paused_reason = 'key_revoked', next_at = null
     where paused_at is null and next_at is not null
       and ${HAS_NO_KEY}
    returning *`.execute(trx);
  await recordAuditMany(
    trx,
    rows.map((row) => ({ actor: SYSTEM_ACTOR, ...kind.toPauseRecord(row) })),
  );
  return rows.map(({ id }) => id);
}

async function followClockBack<Row extends TickRow>(
  trx: Transaction,
  { kind, now }: TickOptions<Row>,
): Promise<number> {
  const { rows } = await sql<Row>`
    select * from ${sql.table(kind.table)}
     where next_at is not null and last_at > ${new Date(now.getTime() + IN_TIME_MS)}
       for update skip locked`.execute(trx);
  for (const { id, cron, time_zone } of rows) {
    const nextAt = toTicks(cron, time_zone).next(now);
    await sql`
      update ${sql.table(kind.table)} set next_at = ${nextAt}::timestamptz, last_at = ${now} where id = ${id}`.execute(
      trx,
    );
  }
  return rows.length;
}
