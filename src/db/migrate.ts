import { readdir, readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from './database.ts';

const MIGRATIONS_DIR = new URL('./migrations/', import.meta.url);

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: string;
  /** The earliest version whose Longhaul works with the schema; its own, unless its file names another. */
  readonly worksWith: number;
}

interface MigrateOptions {
  /** The last version to migrate to, to get a database of an earlier Longhaul. Defaults to the newest. */
  readonly upTo?: number;
}

/**
 * Migrates the database to this version's schema; returns the names of the applied migrations. All in one transaction:
 * either everything is applied or nothing. Call it `exclusively`: of several processes that start at once one migrates
 * while the others wait, and then find nothing to do.
 * @throws {LonghaulError} `schema_too_new` when a newer Longhaul has migrated it to a schema that this one cannot use.
 */
export async function migrate(database: Database, { upTo = Infinity }: MigrateOptions = {}): Promise<string[]> {
  const migrations = (await readMigrations()).filter(({ version }) => version <= upTo);
  const newest = migrations.at(-1)?.version ?? 0;
  // Needs no privilege that only a schema change needs.
  const found = await findVersion(database);
  if (found !== null && found >= newest) {
    if (found > newest) await refuseUnusable(database.patientSql, newest);
    return [];
  }
  return database.patientSql.transaction().execute(async (trx) => {
    await sql`create schema if not exists longhaul`.execute(trx);
    await sql`create table if not exists longhaul.migrations (
      version integer primary key, name text not null, applied_at timestamptz not null default now())`.execute(trx);
    // Null in databases of the versions that refused every newer schema.
    await sql`alter table longhaul.migrations add column if not exists works_with integer`.execute(trx);
    const current = await currentVersion(trx);
    await refuseUnusable(trx, newest);
    const pending = migrations.filter(({ version }) => version > current);
    for (const { version, name, statements, worksWith } of pending) {
      for (const statement of splitStatements(statements)) await sql.raw(statement).execute(trx);
      await sql`
        insert into longhaul.migrations (version, name, works_with) values (${version}, ${name}, ${worksWith})`.execute(
        trx,
      );
    }
    return pending.map(({ name }) => name);
  });
}

/**
 * Reads the version of the database's schema, null when there is none, the newest that this Longhaul knows, and whether it
 * can use a newer one.
 */
export async function readSchemaVersion(
  database: Database,
): Promise<{ found: number | null; newest: number; isUsable: boolean }> {
  const newest = (await readMigrations()).at(-1)?.version ?? 0;
  const found = await findVersion(database);
  if (found === null || found <= newest) return { found, newest, isUsable: found === newest };
  return { found, newest, isUsable: (await readLeastVersion(database.patientSql, newest)).least <= newest };
}

/** Refuses a schema with a newer migration that does not work with a Longhaul of this version. */
async function refuseUnusable(connection: Database['sql'], newest: number): Promise<void> {
  const { version, least } = await readLeastVersion(connection, newest);
  if (least <= newest) return;
  throw new LonghaulError('schema_too_new', {
    message: `The database has schema version ${version}, which a Longhaul can use that knows version ${least}; this one knows versions up to ${newest}. Start the newer Longhaul that migrated it, or point this one at another database.`,
  });
}

/** Reads the last version of the schema, and the least that a Longhaul must know to use it. */
async function readLeastVersion(
  connection: Database['sql'],
  newest: number,
): Promise<{ version: number; least: number }> {
  const { rows } = await sql<{ version: number; least: number }>`
    select coalesce(max(version), ${newest}) as version, coalesce(max(coalesce(works_with, version)), 0) as least
      from longhaul.migrations where version > ${newest}`.execute(connection);
  return rows[0]!;
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
    files.map(async (file) => {
      const version = Number.parseInt(file, 10);
      const statements = await readFile(new URL(file, MIGRATIONS_DIR), 'utf8');
      const worksWith = /^-- Works with version (\d+)/m.exec(statements)?.[1];
      return {
        version,
        name: file.replace(/\.sql$/, ''),
        statements,
        worksWith: worksWith === undefined ? version : Number(worksWith),
      };
    }),
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
