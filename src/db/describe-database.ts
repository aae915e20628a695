import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Facts about the database, for operators. */
export interface DatabaseFacts {
  readonly kind: Database['kind'];
  /** Version of PostgreSQL, such as `18.1`. */
  readonly version: string;
  /** Number of the last migration. */
  readonly schemaVersion: number;
  readonly sizeBytes: number;
  /** Time of this query, from a connection of the pool to the answer. */
  readonly latencyMs: number;
}

/** Reads facts about the database, in one statement. */
export async function describeDatabase(database: Database): Promise<DatabaseFacts> {
  const startedAt = performance.now();
  const { rows } = await sql<{ version: string; schema: number; size: string }>`
    select current_setting('server_version') as version, (select max(version) from longhaul.migrations) as schema,
           pg_database_size(current_database())::text as size`.execute(database.sql);
  const { version, schema, size } = rows[0]!;
  return {
    kind: database.kind,
    // Distributions append their own: `18.1 (Debian 18.1-1)`.
    version: version.split(' ')[0]!,
    schemaVersion: schema,
    sizeBytes: Number(size),
    latencyMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
}
