import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { openEmbeddedDatabase } from '../db/embedded.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import type { Subject } from './check.ts';
import { configuration } from './checks/configuration.ts';
import { examine, type Examination } from './examine.ts';

/** Enough for a server that starts at the same time. */
const WAIT_MS = 3_000;

/** Checks run at once; the smallest pool of a process is enough for them. */
const POOL_SIZE = 5;

interface DeploymentOptions {
  /** The file named by `--config`. Defaults to the `longhaul.config.ts` in `cwd`. */
  readonly file?: string | undefined;
  readonly cwd: string;
  readonly env: Subject['env'];
}

/**
 * Examines the deployment that a configuration file and variables describe, as a separate process on one of its machines. Never rejects: a configuration that cannot be loaded is the only finding. Creates and migrates nothing.
 */
export async function examineDeployment({ file, cwd, env }: DeploymentOptions): Promise<Examination> {
  let config: Config;
  try {
    config = await loadConfig({ file, cwd, env });
  } catch (error) {
    const { examine: _, ...facts } = configuration;
    const mend = 'Correct it: nothing else was examined.';
    return { verdict: 'failed', checks: [{ ...facts, verdict: 'failed', found: toMessage(error), mend }] };
  }
  const database = await openForReading(config);
  try {
    return await examine({ config, env, database });
  } finally {
    if (!('reason' in database)) await database.close();
  }
}

/** Opens the database as it is; or returns the reason why it cannot be opened here. */
export async function openForReading({ databaseUrl, dataDir }: Config): Promise<Subject['database']> {
  if (databaseUrl === null && !existsSync(path.join(dataDir, 'db'))) {
    return { reason: 'The embedded database does not exist yet: the first start creates it.', isFailure: false };
  }
  try {
    return databaseUrl === null
      ? await openEmbeddedDatabase(dataDir)
      : await openPostgresDatabase({ url: databaseUrl, poolSize: POOL_SIZE, waitMs: WAIT_MS });
  } catch (error) {
    // A server uses it: that is as it should be.
    const isLocked = error instanceof LonghaulError && error.code === 'data_dir_locked';
    return { reason: toMessage(error), isFailure: !isLocked };
  }
}
