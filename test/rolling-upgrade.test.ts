import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type LonghaulClient } from '../src/client/client.ts';
import { say, startScriptedModel, turn, type ModelRequest, type ScriptedModel } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { followToEnd, untilEnded, untilEvent } from './support/machines.ts';
import { spawnCommand, type RunningCommand } from './support/run-command.ts';

// An upgrade while everything runs: servers and workers of the version before, on the new schema, beside new ones.

/** The commit of the version before. Update it with each release. */
const VERSION_BEFORE = '193fd8307b487e65415c22799fcc2aee2c6d46e3';

const root = path.resolve(import.meta.dirname, '..');
const hasVersionBefore = spawnSync('git', ['cat-file', '-e', VERSION_BEFORE], { cwd: root }).status === 0;

const TEXT = 'word '.repeat(100);
const CONFIG = {
  worker: { slots: 1 },
  http: { shutdownDelaySeconds: 0 },
  agents: {
    teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false, retry: { maxAttempts: 3 } },
  },
};

describe.skipIf(!hasVersionBefore)('an upgrade of processes one by one', () => {
  let directory: string;
  let model: ScriptedModel;
  let postgres: Awaited<ReturnType<typeof createPostgresDatabase>>;
  const started: RunningCommand[] = [];

  /** Starts a process of this version or, with the path of its command, of the version before. */
  async function start(role: 'server' | 'worker', { of, command }: { of: string; command?: string }) {
    const home = path.join(directory, `${role}-${of}`);
    await mkdir(home, { recursive: true });
    await writeFile(path.join(home, 'longhaul.config.mjs'), `export default ${JSON.stringify(CONFIG)};\n`);
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      TMPDIR: home,
      LONGHAUL_DATABASE_URL: postgres.url,
      LONGHAUL_PORT: '0',
      LONGHAUL_LOG_LEVEL: 'warn',
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'scripted',
    };
    const child = spawnCommand([role], { cwd: home, env, command });
    started.push(child);
    const [line] = await child.printed(/Longhaul (?:worker )?is.*/);
    return { ...child, home, url: /http:\S+/.exec(line)?.[0] ?? '' };
  }

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-upgrade-'));
    postgres = await createPostgresDatabase({ isEmpty: true });
    let hasBegunSecond = false;
    const script = ({ prompt }: ModelRequest) => {
      // The first answer to it takes a minute: it has not ended when the old worker has to stop, on any machine.
      const isSlow = prompt === 'the second' && !hasBegunSecond;
      hasBegunSecond ||= isSlow;
      return turn(say(TEXT, { chunks: 100, chunkDelayMs: isSlow ? 600 : 50 }));
    };
    model = await startScriptedModel({ script });
    const before = path.join(directory, 'before');
    await mkdir(before);
    const archive = spawnSync('git', ['archive', VERSION_BEFORE], { cwd: root, maxBuffer: 2 ** 28 });
    expect(spawnSync('tar', ['-x', '-C', before], { input: archive.stdout }).status).toBe(0);
    await symlink(path.join(root, 'node_modules'), path.join(before, 'node_modules'));
  });
  afterAll(async () => {
    for (const one of started) one.kill('SIGKILL');
    await Promise.all(started.map(({ ended }) => ended));
    await model.close();
    await postgres.drop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  it('loses no run and no event, on servers and workers of both versions', async () => {
    const command = path.join(directory, 'before/src/cli/main.ts');
    const oldServer = await start('server', { of: 'before', command });
    const oldWorker = await start('worker', { of: 'before', command });
    const apiKey = (await readFile(path.join(oldServer.home, '.longhaul/admin-key'), 'utf8')).trim();
    const connect = (url: string): LonghaulClient => createClient({ url, apiKey });
    const before = connect(oldServer.url);
    const first = await before.submit({ agent: 'teller', prompt: 'the first' });
    const firstEvents = followToEnd(before, first.id);
    await untilEvent(before, first.id, 'agent.text.delta');

    const newServer = await start('server', { of: 'now' });
    const now = connect(newServer.url);
    expect((await untilEnded(now, first.id)).result).toBe(TEXT);

    // The next run is the old worker's, the one after it the new worker's, each submitted at the other version.
    const second = await now.submit({ agent: 'teller', prompt: 'the second' });
    const secondEvents = followToEnd(now, second.id);
    await untilEvent(before, second.id, 'agent.text.delta');
    await start('worker', { of: 'now' });
    const third = await before.submit({ agent: 'teller', prompt: 'the third' });
    const thirdEvents = followToEnd(before, third.id);
    await untilEvent(now, third.id, 'agent.text.delta');

    // The old worker leaves its run to the new one.
    oldWorker.kill('SIGTERM');
    oldWorker.kill('SIGINT');
    const all = [first, second, third];
    for (const { id } of all) {
      // The model gives its whole answer again when it is asked to go on.
      const ended = { status: 'succeeded', result: expect.stringContaining(TEXT) as string };
      expect(await untilEnded(now, id)).toMatchObject(ended);
      expect(await untilEnded(before, id)).toMatchObject(ended);
    }
    expect((await now.getRun(second.id)).attempt).toBe(2);
    expect((await now.getRun(third.id)).attempt).toBe(1);
    const ids = async (client: LonghaulClient, query: Parameters<LonghaulClient['listRuns']>[0]) =>
      (await client.listRuns(query)).data.map(({ id }) => id);
    for (const client of [now, before]) {
      expect(await ids(client, { q: 'the' })).toEqual(all.map(({ id }) => id).toReversed());
      expect(await ids(client, { q: 'second', status: 'succeeded' })).toEqual([second.id]);
    }
    for (const events of await Promise.all([firstEvents, secondEvents, thirdEvents])) {
      expect(events.at(-1)?.type).toBe('run.succeeded');
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    }
    expect((await oldWorker.ended).exitCode).toBe(0);
    oldServer.kill('SIGTERM');
    expect((await oldServer.ended).exitCode).toBe(0);
  });

  it('lets this version start again on the schema of a later version that works with it, and on no other', async () => {
    const later = (worksWith: number) =>
      queryDatabase(
        `insert into longhaul.migrations (version, name, works_with) values (9000 + ${worksWith}, 'later', ${worksWith})`,
      );
    await later(38);
    const server = await start('server', { of: 'later' });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await later(999);
    await expect(start('worker', { of: 'later' })).rejects.toThrow('which a Longhaul can use that knows version 999');
  });

  async function queryDatabase(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query(statement);
    await client.end();
  }
});
