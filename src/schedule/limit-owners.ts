import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Transaction } from '../db/database.ts';
import type { TickTable } from './ticker.ts';

/** Most rows of one user or team: each may have a tick every minute. */
const MOST_OF_AN_OWNER = 100;

interface LimitOptions {
  readonly table: TickTable;
  /** The rows in words, and how to have one fewer: for the message. */
  readonly words: { readonly rows: string; readonly remedy: string };
  /** SQL: true for a row that counts. Defaults to all. */
  readonly isCounted?: RawBuilder<SqlBool>;
  readonly owner: { readonly user: string | null; readonly team: string | null; readonly tenant: string | null };
}

/**
 * Refuses a further row that ticks when its user or team has reached the limit.
 * @throws {LonghaulError} `conflict`.
 */
export async function refuseTooMany(trx: Transaction, options: LimitOptions): Promise<void> {
  const { table, words, isCounted = sql<SqlBool>`true` } = options;
  const { user, team, tenant } = options.owner;
  const owners = [
    {
      column: 'user_id',
      value: user,
      key: toUserKey({ user, tenant }),
      isOf: sql`tenant is not distinct from ${tenant}`,
    },
    { column: 'team', value: team, key: team, isOf: sql`true` },
  ] as const;
  for (const { column, value, key, isOf } of owners) {
    if (value === null) continue;
    // Of two at once the second counts the first.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${words.rows} of ${column} ${key}`}, 0))`.execute(trx);
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from ${sql.table(table)}
       where ${sql.ref(column)} = ${value} and ${isOf} and ${isCounted}`.execute(trx);
    if (rows[0]!.count < MOST_OF_AN_OWNER) continue;
    throw new LonghaulError('conflict', {
      message: `This ${column === 'team' ? 'team' : 'user'} has ${MOST_OF_AN_OWNER} ${words.rows}, which is the limit. ${words.remedy}`,
    });
  }
}
