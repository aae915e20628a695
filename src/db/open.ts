import type { Config } from '../config/config.ts';
import type { Database } from './database.ts';
import { openEmbeddedDatabase } from './embedded.ts';
import { openPostgresDatabase } from './postgres.ts';

/** Opens the database the configuration names: PostgreSQL when there is a URL, else the embedded one. */
export function openDatabase(config: Config, onError?: (error: Error) => void): Promise<Database> {
  return config.databaseUrl === null
    ? openEmbeddedDatabase(config.dataDir)
    : openPostgresDatabase({ url: config.databaseUrl, ...(onError && { onError }) });
}
