import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { chooseDatabaseRoot, makeDatabaseDirectory } from './database-root.ts';
import { findFreePort, loadEmbeddedPostgres } from './embedded-postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the test run's PostgreSQL server, without a database name. */
    postgresUrl: string;
    /** Directory for files that several test files share during this test run. */
    sharedDir: string;
  }
}

/** Starts a real PostgreSQL for the whole test run. Under root it runs as a system user that the package creates. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-postgres-'));
  await chmod(directory, 0o755); // The server's user needs access.
  const removeDatabases = await chooseDatabaseRoot();
  const databases = await makeDatabaseDirectory('longhaul-shared-');
  await chmod(databases, 0o755);
  const port = await findFreePort();
  const EmbeddedPostgres = await loadEmbeddedPostgres(directory);
  const postgres = new EmbeddedPostgres({
    databaseDir: path.join(databases, 'data'),
    port,
    user: 'longhaul',
    password: 'longhaul',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=400'],
    onLog: () => {},
    onError: () => {},
  });
  // Created by the first test that needs it.
  process.env['LONGHAUL_TEST_DATABASE'] = path.join(databases, 'embedded');
  // Processes share compiled modules, including commands that tests start.
  process.env['NODE_COMPILE_CACHE'] = path.resolve(import.meta.dirname, '../../node_modules/.cache/longhaul-compiled');
  await postgres.initialise();
  await postgres.start();
  project.provide('postgresUrl', `postgres://longhaul:longhaul@127.0.0.1:${port}`);
  project.provide('sharedDir', directory);
  return async () => {
    await postgres.stop();
    for (const part of [databases, directory]) await rm(part, { recursive: true, force: true });
    await removeDatabases();
  };
}
