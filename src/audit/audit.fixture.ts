import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { createTestDatabase, type DATABASE_KINDS } from '../../test/support/databases.ts';
import type { Database } from '../db/database.ts';
import { chainAudit } from './chain.ts';
import { readAudit, type AuditEntry } from './read.ts';
import { recordAuditMany, type AuditRecord } from './record.ts';
import { verifyAudit } from './verify.ts';

export const log = { info: () => {} };

/** An entry for tests that do not depend on its content. */
export const entry = (changes: Partial<AuditRecord> = {}): AuditRecord => ({
  actor: 'system',
  action: 'run.succeeded',
  subject: 'run-1',
  data: { costUsd: 0.5 },
  ...changes,
});

/** Executes a statement as the owner of the tables, with all triggers disabled. */
export function tamperWith(database: Database, statement: string): Promise<void> {
  return database.sql.transaction().execute(async (trx) => {
    for (const table of ['audit', 'audit_seals']) {
      await sql.raw(`alter table longhaul.${table} disable trigger all`).execute(trx);
    }
    await sql.raw(statement).execute(trx);
    for (const table of ['audit', 'audit_seals']) {
      await sql.raw(`alter table longhaul.${table} enable trigger all`).execute(trx);
    }
  });
}

/** Resets the record to that of a new database. */
export async function emptyAudit(database: Database): Promise<void> {
  await tamperWith(database, 'truncate longhaul.audit restart identity');
  await tamperWith(database, 'truncate longhaul.audit_seals');
  await tamperWith(database, 'delete from longhaul.audit_head');
  await tamperWith(database, `insert into longhaul.audit_head (seq, hash) values (0, repeat('0', 64))`);
}

/** Exports every chained entry, in the order of the chain, page by page as a client does. */
export async function* exportAudit(database: Database): AsyncGenerator<AuditEntry, void, void> {
  let after: number | null = 0;
  while (after !== null) {
    const page = await readAudit(database, { filter: {}, order: 'chain', after, limit: 200 });
    yield* page.entries;
    after = page.nextCursor;
  }
}

/** Gives the suite a database, with an empty audit record before each test, and short helpers to work with it. */
export function useAuditBench(kind: (typeof DATABASE_KINDS)[number]) {
  let database: Database;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ database, remove } = await createTestDatabase(kind));
  });
  beforeEach(() => emptyAudit(database));
  afterAll(() => remove());

  const record = (...records: AuditRecord[]) =>
    database.sql.transaction().execute((trx) => recordAuditMany(trx, records));
  const tamper = (statement: string) => tamperWith(database, statement);

  return {
    get database() {
      return database;
    },
    record,
    tamper,
    recordNumbered: (count: number) =>
      record(...Array.from({ length: count }, (_, index) => entry({ subject: `run-${index + 1}` }))),
    /** Records entries `days` ago, at noon. */
    recordAgo: (days: number, count = 1) =>
      sql`insert into longhaul.audit (at, actor, action, subject, data)
          select ((now() at time zone 'UTC')::date - ${days}::int + interval '12 hours') at time zone 'UTC',
                 'system', 'run.failed', 'run-' || n, '{}' from generate_series(1, ${count}::int) as n`.execute(
        database.sql,
      ),
    async chainAll() {
      while (((await chainAudit(database)) ?? 0) > 0);
    },
    /** Returns the beginning of each problem that verification reports, with its place. */
    async findProblems() {
      const { isIntact, problems, problemCount } = await verifyAudit(database);
      expect(isIntact).toBe(problems.length === 0);
      expect(problemCount).toBe(problems.length);
      return problems.map(({ seq, what }) => `${seq}: ${what.split(/[.:] /)[0]}`);
    },
    list: () => readAudit(database, { filter: {}, limit: 200 }),
  };
}
