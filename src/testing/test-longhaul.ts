import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adminKeyFile } from '../api/admin-key.ts';
import { createClient, type LonghaulClient } from '../client/client.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createLog, type Logger } from '../core/log.ts';
import { createLonghaul, type Longhaul } from '../longhaul.ts';
import { demoScript } from '../scripted-model/demo-script.ts';
import { startScriptedModel, type Script, type ScriptedModel } from '../scripted-model/scripted-model.ts';
import { seedDatabase } from './seed-database.ts';

export interface TestLonghaulOptions {
  /** The configuration under test. Relative paths in it start at `baseDir`. */
  readonly config: LonghaulConfig;
  /** Defaults to the working directory. */
  readonly baseDir?: string;
  /** The answers of the model. Defaults to `demoScript`. */
  readonly script?: Script;
  /**
   * Variables for Longhaul in addition to those for the scripted model; none of the process's own variables are used.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Defaults to none. */
  readonly log?: Logger;
  /** Path under which the application serves it, as for `createLonghaul`. */
  readonly basePath?: string;
}

/** A whole Longhaul in this process, with a model whose answers the test determines. */
export interface TestLonghaul {
  /** A client with all permissions. */
  readonly client: LonghaulClient;
  /** The API key of that client, for other clients. */
  readonly apiKey: string;
  readonly model: ScriptedModel;
  readonly longhaul: Longhaul;
  /** Stops Longhaul, ends its processes and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts Longhaul for a test: the real server, worker and Claude Code executable, on an embedded database in a
 * temporary directory, with the scripted model as the provider. No network, no cost.
 */
export async function startTestLonghaul(options: TestLonghaulOptions): Promise<TestLonghaul> {
  const {
    config,
    baseDir = process.cwd(),
    script = demoScript,
    env = {},
    log = createLog('silent'),
    basePath,
  } = options;
  const model = await startScriptedModel({ script });
  const dataDir = await mkdtemp(path.join(tmpdir(), 'longhaul-test-'));
  const longhaul = createLonghaul(config, {
    baseDir,
    log,
    ...(basePath !== undefined && { basePath }),
    env: { LONGHAUL_DATA_DIR: dataDir, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted', ...env },
  });
  const stop = async () => {
    await longhaul.stop();
    await model.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    if (longhaul.config.databaseUrl === null) await seedDatabase(dataDir);
    await longhaul.start();
    const apiKey = longhaul.newAdminKey ?? (await readFile(adminKeyFile(dataDir), 'utf8')).trim();
    const client = createClient({ url: 'http://longhaul.test', apiKey, fetch: longhaul.fetch });
    return { client, apiKey, model, longhaul, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
