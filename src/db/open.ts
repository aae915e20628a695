import type { Config } from '../config/config.ts';
import type { Database } from './database.ts';
import { openEmbeddedDatabase } from './embedded.ts';
import { openPostgresDatabase } from './postgres.ts';

interface OpenOptions {
  /** Told of a connection that was lost. */
  readonly onError?: (error: Error) => void;
  /** Told once when a database that cannot be reached yet is waited for. */
  readonly onWait?: (error: Error) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** Opens the database the configuration names: PostgreSQL when there is a URL, else the embedded one. */
export function openDatabase(config: Config, options: OpenOptions = {}): Promise<Database> {
  return config.databaseUrl === null
    ? openEmbeddedDatabase(config.dataDir)
    : openPostgresDatabase({ url: config.databaseUrl, waitMs: config.database.waitSeconds * 1_000, ...options });
}
