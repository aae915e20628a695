import { sql } from 'kysely';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { Database } from './database.ts';

/** The role lacks the privilege for a statement (PostgreSQL, appendix A). */
const INSUFFICIENT_PRIVILEGE = '42501';

/** Missing grants that are listed individually. */
const MOST_NAMED = 5;

/**
 * Does `work`, which creates or changes schemas.
 * @throws {LonghaulError} `database_unsuitable`, naming the grant, when the role may not do so.
 */
export async function creating<T>(database: Database, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isRefusedForRights(cause)) throw cause;
    const { role, name } = await readNames(database);
    throw new LonghaulError('database_unsuitable', {
      message: `Longhaul's schemas must be created or migrated, and the role ${role} may not do so: ${toMessage(cause)}. Run \`longhaul migrate\` as a role that owns them, or let this role create them: grant create on database ${name} to ${role}`,
      cause,
    });
  }
}

/**
 * Checks that the role has all privileges that Longhaul needs in the schemas.
 * @throws {LonghaulError} `database_unsuitable`, naming the missing privileges and the statements that grant them.
 */
export async function checkGrants(database: Database, schemas: readonly string[]): Promise<void> {
  if (database.kind === 'embedded') return;
  const { rows: missing } = await sql<{ grant: string }>`
    with schemas as (select oid, nspname from pg_namespace where nspname = any(${sql.val([...schemas])}::text[])),
    usable as (select * from schemas where has_schema_privilege(oid, 'usage'))
    select format('usage on schema %I', nspname) as grant from schemas where not has_schema_privilege(oid, 'usage')
    union all
    select format('%s on %I.%I', string_agg(wanted, ', ' order by place), nspname, relname)
      from usable join pg_class on relnamespace = usable.oid
      cross join unnest(array['select', 'insert', 'update', 'delete']) with ordinality as rights (wanted, place)
     where relkind in ('r', 'p') and not has_table_privilege(pg_class.oid, wanted)
     group by nspname, relname
    union all
    select format('%s on sequence %I.%I', string_agg(wanted, ', ' order by place), nspname, relname)
      from usable join pg_class on relnamespace = usable.oid cross join unnest(array['usage', 'select']) with ordinality as rights (wanted, place)
     where relkind = 'S' and not has_sequence_privilege(pg_class.oid, wanted)
     group by nspname, relname`.execute(database.sql);
  if (missing.length === 0) return;
  const { role } = await readNames(database);
  const named = missing.slice(0, MOST_NAMED).map(({ grant }) => grant);
  const others = missing.length > MOST_NAMED ? `, and ${missing.length - MOST_NAMED} more` : '';
  throw new LonghaulError('database_unsuitable', {
    message: `The role ${role} lacks privileges in the database: ${named.join('; ')}${others}. As the owner of the schemas, run:\n${grantsFor(role, schemas).join('\n')}`,
  });
}

/** The statements that let a role use the schemas that another owns. */
function grantsFor(role: string, schemas: readonly string[]): string[] {
  const names = schemas.join(', ');
  return [
    `grant usage on schema ${names} to ${role};`,
    `grant select, insert, update, delete on all tables in schema ${names} to ${role};`,
    `grant usage, select on all sequences in schema ${names} to ${role};`,
  ];
}

async function readNames(database: Database): Promise<{ role: string; name: string }> {
  const { rows } = await sql<{ role: string; name: string }>`
    select quote_ident(current_user) as role, quote_ident(current_database()) as name`.execute(database.sql);
  return rows[0]!;
}

function isRefusedForRights(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return code === INSUFFICIENT_PRIVILEGE || (cause !== undefined && isRefusedForRights(cause));
}
