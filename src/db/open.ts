import type { Config } from '../config/config.ts';
import type { Database } from './database.ts';
import { openEmbeddedDatabase } from './embedded.ts';
import { openPostgresDatabase } from './postgres.ts';

interface OpenOptions {
  /** Receives the error of a lost connection. */
  readonly onError?: (error: Error) => void;
  /** Receives a warning about a setup that works, but not as well as it could. */
  readonly onWarning?: (message: string) => void;
  /** Called once when the database cannot be reached yet, before the wait for it. */
  readonly onWait?: (error: Error) => void;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/** Opens the database that the configuration names: PostgreSQL when there is a URL, otherwise the embedded one. */
export function openDatabase(config: Config, options: OpenOptions = {}): Promise<Database> {
  const { databaseUrl, dataDir, database } = config;
  const { poolSize, waitSeconds } = database;
  return databaseUrl === null
    ? openEmbeddedDatabase(dataDir)
    : openPostgresDatabase({ url: databaseUrl, poolSize, waitMs: waitSeconds * 1_000, ...options });
}
