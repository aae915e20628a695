import { readdir, readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from './database.ts';

const MIGRATIONS_DIR = new URL('./migrations/', import.meta.url);

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: string;
}

interface MigrateOptions {
  /** The last version to migrate to, to get a database of an earlier Longhaul. Defaults to the newest. */
  readonly upTo?: number;
}

/**
 * Migrates the database to this version's schema; returns the names of the applied migrations. All in one transaction:
 * either everything is applied or nothing. Call it `exclusively`: of several processes that start at once one migrates
 * while the others wait, and then find nothing to do.
 * @throws {LonghaulError} `schema_too_new` when a newer Longhaul has already migrated it.
 */
export async function migrate(database: Database, { upTo = Infinity }: MigrateOptions = {}): Promise<string[]> {
  const migrations = (await readMigrations()).filter(({ version }) => version <= upTo);
  const newest = migrations.at(-1)?.version ?? 0;
  // Needs no privilege that only a schema change needs.
  const found = await findVersion(database);
  if (found === newest) return [];
  refuseNewer(found ?? 0, newest);
  return database.patientSql.transaction().execute(async (trx) => {
    await sql`create schema if not exists longhaul`.execute(trx);
    await sql`create table if not exists longhaul.migrations (
      version integer primary key, name text not null, applied_at timestamptz not null default now())`.execute(trx);
    const current = await currentVersion(trx);
    refuseNewer(current, newest);
    const pending = migrations.filter(({ version }) => version > current);
    for (const { version, name, statements } of pending) {
      for (const statement of splitStatements(statements)) await sql.raw(statement).execute(trx);
      await sql`insert into longhaul.migrations (version, name) values (${version}, ${name})`.execute(trx);
    }
    return pending.map(({ name }) => name);
  });
}

/** Reads the version of the database's schema, null when there is none, and the newest that this Longhaul knows. */
export async function readSchemaVersion(database: Database): Promise<{ found: number | null; newest: number }> {
  const newest = (await readMigrations()).at(-1)?.version ?? 0;
  return { found: await findVersion(database), newest };
}

function refuseNewer(current: number, newest: number): void {
  if (current <= newest) return;
  throw new LonghaulError('schema_too_new', {
    message: `The database has schema version ${current}, and this Longhaul knows versions up to ${newest}. Start the newer Longhaul that migrated it, or point this one at another database.`,
  });
}

/** Null: the database was never migrated. */
async function findVersion({ patientSql }: Database): Promise<number | null> {
  const { rows } = await sql`select from pg_tables where schemaname = 'longhaul' and tablename = 'migrations'`.execute(
    patientSql,
  );
  return rows.length === 0 ? null : currentVersion(patientSql);
}

async function currentVersion(trx: Database['sql']): Promise<number> {
  const { rows } = await sql<{
    version: number | null;
  }>`select max(version) as version from longhaul.migrations`.execute(trx);
  return rows[0]?.version ?? 0;
}

async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(MIGRATIONS_DIR)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => ({
      version: Number.parseInt(file, 10),
      name: file.replace(/\.sql$/, ''),
      statements: await readFile(new URL(file, MIGRATIONS_DIR), 'utf8'),
    })),
  );
}

/**
 * Splits a migration file into statements: a parameterised connection takes one at a time. In our files a semicolon at
 * the end of a line ends a statement, except within a body in `$$`.
 */
function splitStatements(text: string): string[] {
  const statements: string[] = [];
  let isWhole = true;
  for (const piece of text.split(/;\s*$/m)) {
    if (isWhole) statements.push(piece);
    else statements.push(`${statements.pop()};${piece}`);
    isWhole = (statements.at(-1)?.split('$$').length ?? 1) % 2 === 1;
  }
  return statements
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, '').trim() !== '');
}
