import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { startPostgresServer, type PostgresServer } from './support/postgres-server.ts';
import { runCommand, spawnCommand, type RunningCommand } from './support/run-command.ts';

// Starts on a bad night: many at once on an empty database, and a start without its database.

const CONFIG = {
  agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } },
  http: { shutdownDelaySeconds: 0 },
};

let directory: string;
const commands: RunningCommand[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-starts-'));
  await writeFile(path.join(directory, 'longhaul.config.mjs'), `export default ${JSON.stringify(CONFIG)};\n`);
});

afterEach(async () => {
  for (const command of commands) command.kill('SIGKILL');
  await Promise.all(commands.splice(0).map(({ ended }) => ended));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const toEnv = (name: string, databaseUrl: string, more: Record<string, string> = {}) => ({
  PATH: process.env['PATH'] ?? '',
  HOME: directory,
  TMPDIR: directory,
  LONGHAUL_DATABASE_URL: databaseUrl,
  LONGHAUL_DATA_DIR: path.join(directory, name),
  LONGHAUL_PORT: '0',
  ...more,
});

function start(role: string, env: Record<string, string>): RunningCommand {
  const command = spawnCommand([role], { cwd: directory, env });
  commands.push(command);
  return command;
}

describe('processes that start at once on an empty database', () => {
  let database: { url: string; drop: () => Promise<void> };

  beforeAll(async () => {
    database = await createPostgresDatabase({ isEmpty: true });
  });
  afterAll(() => database.drop());

  it('all live, and a server generates a single admin key and keeps it', { timeout: 240_000 }, async () => {
    const names = Array.from({ length: 15 }, (_, index) => (index % 3 === 0 ? `server-${index}` : `worker-${index}`));
    const started = names.map((name) => start(name.split('-')[0]!, toEnv(name, database.url)));
    await Promise.all(started.map((command) => command.printed(/Longhaul (?:worker )?is (?:listening|running)/)));

    const { sql: connection, close } = await openPostgresDatabase({ url: database.url });
    const { rows } = await sql<{ name: string; scopes: string[] }>`select name, scopes from longhaul.api_keys`.execute(
      connection,
    );
    await close();
    expect(rows).toEqual([{ name: 'admin', scopes: ['admin'] }]);
    const files = await Promise.all(
      names.map((name) => readFile(path.join(directory, name, 'admin-key'), 'utf8').catch(() => null)),
    );
    const kept = names.filter((_, index) => files[index] !== null);
    expect(kept).toEqual([expect.stringMatching(/^server-/)]);
    const key = files.find((file) => file !== null)?.trim() ?? '';
    const [, url = ''] = await started[0]!.printed(/listening on (http:\S+)/);
    expect(await createClient({ url, apiKey: key }).keys()).toMatchObject({ data: [{ name: 'admin' }] });
    for (const { stdout, stderr } of await endAll(started)) expect(stdout + stderr).not.toContain(key);
  });

  async function endAll(running: readonly RunningCommand[]) {
    for (const command of running) command.kill('SIGTERM');
    const ended = await Promise.all(running.map(({ ended }) => ended));
    expect(ended.map(({ exitCode }) => exitCode)).toEqual(running.map(() => 0));
    return ended;
  }
});

describe('a start without its database', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterAll(() => server.close());

  it('waits for it, logs that once, and works when it is up', async () => {
    await server.stop('immediate');
    const worker = start('worker', toEnv('late', server.url));
    await worker.logged(/the database cannot be reached yet: waiting for it/);
    // Refused, retried, refused: the first refusal does not end the wait.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await server.start();
    await worker.printed(/Longhaul worker is running/);
    worker.kill('SIGTERM');
    const { exitCode, stderr } = await worker.ended;
    expect(exitCode).toBe(0);
    expect(stderr.match(/waiting for it/g)).toHaveLength(1);
    expect(stderr).not.toContain('"level":50');
  });

  it('ends at once on a signal while it waits', async () => {
    await server.stop('immediate');
    const worker = start('worker', toEnv('impatient', server.url));
    await worker.logged(/waiting for it/);
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ exitCode: 0 });
    await server.start();
  });

  it('fails when the time is up, and at once if waiting cannot help', async () => {
    const config = path.join(directory, 'short.config.mjs');
    await writeFile(config, `export default ${JSON.stringify({ ...CONFIG, database: { waitSeconds: 1 } })};\n`);
    const nowhere = 'postgres://longhaul:longhaul@127.0.0.1:1/longhaul';
    const refused = await runCommand(['worker', '--config', config], { cwd: directory, env: toEnv('no', nowhere) });
    expect(refused.exitCode).toBe(83);
    expect(JSON.parse(refused.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      level: 60,
      code: 'database_unavailable',
      msg: expect.stringContaining('Longhaul waited 1 s for it.') as string,
    });
    const missing = server.url.replace(/longhaul$/, 'no_such_database');
    const atOnce = await runCommand(['worker'], { cwd: directory, env: toEnv('no', missing) });
    expect(atOnce.exitCode).toBe(83);
    expect(atOnce.stderr).not.toContain('waiting for it');
  });

  it('logs a line for an outage and a line for its end, however long it lasts and whatever requests arrive', async () => {
    await mkdir(path.join(directory, 'steady'), { recursive: true });
    const running = start('server', toEnv('steady', server.url));
    const worker = start('worker', toEnv('steady-worker', server.url));
    const [, url = ''] = await running.printed(/listening on (http:\S+)/);
    await worker.printed(/Longhaul worker is running/);
    await server.stop('fast');
    await Promise.all([running, worker].map((command) => command.logged(/the database is unavailable/)));
    for (let asked = 0; asked < 10; asked++) {
      expect((await fetch(`${url}/readyz`)).status).toBe(503);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await server.start();
    await Promise.all([running, worker].map((command) => command.logged(/the database is available again/)));
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    for (const command of [running, worker]) {
      command.kill('SIGTERM');
      const { exitCode, stderr } = await command.ended;
      expect(exitCode).toBe(0);
      const lines = stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { level: number; msg: string });
      const loud = lines.filter(({ level }) => level > 30).map(({ msg }) => msg);
      expect(loud).toEqual([expect.stringContaining('the database is unavailable')]);
      expect(lines.filter(({ msg }) => msg === 'the database is available again')).toHaveLength(1);
    }
  });
});
