import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type LonghaulClient } from '../src/client/client.ts';
import { createLog } from '../src/core/log.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import { createLonghaul } from '../src/longhaul.ts';
import { say, startScriptedModel, turn, type ScriptedModel } from '../src/testing/index.ts';
import { debianPostgres, startDebianPostgres } from './support/debian-postgres.ts';
import { untilEnded, untilEvent } from './support/machines.ts';
import { startCommand } from './support/start-command.ts';

// The steps of docs/upgrades.md: back up, restore, go on.

const CONFIG: LonghaulConfig = { agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } } };
const ADMIN_KEY = `lh_${'0123456789abcdef'.repeat(4)}`;

if (debianPostgres === null) console.warn('The backup of a PostgreSQL is not tested: Debian’s postgresql is missing.');

let directory: string;
let model: ScriptedModel;
let isSlow = false;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-backup-'));
  model = await startScriptedModel({
    script: () => turn(isSlow ? say('word '.repeat(50), { chunks: 50, chunkDelayMs: 100 }) : say('Done.')),
  });
});
afterAll(async () => {
  await model.close();
  await rm(directory, { recursive: true, force: true });
});

const runFast = async (client: LonghaulClient) => {
  isSlow = false;
  return untilEnded(client, (await client.submit({ agent: 'teller', prompt: 'fast' })).id);
};

describe('a backup', () => {
  it('of the embedded database is a copy of the stopped data directory', { timeout: 90_000 }, async () => {
    const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted' };
    await writeFile(path.join(directory, 'longhaul.config.mjs'), `export default ${JSON.stringify(CONFIG)};\n`);
    const first = await startCommand(directory, env);
    const run = await runFast(first.client);
    expect(await first.end('SIGTERM')).toMatchObject({ code: 0 });
    const restored = path.join(directory, 'restored');
    await cp(path.join(directory, '.longhaul'), path.join(restored, '.longhaul'), { recursive: true });
    await cp(path.join(directory, 'longhaul.config.mjs'), path.join(restored, 'longhaul.config.mjs'));

    const second = await startCommand(restored, env);
    try {
      expect(await second.client.run(run.id)).toEqual(run);
      expect(await runFast(second.client)).toMatchObject({ status: 'succeeded' });
      expect(await second.client.verifyAudit()).toMatchObject({ isIntact: true });
    } finally {
      await second.end('SIGTERM');
    }
  });

  it.runIf(debianPostgres !== null || process.env['CI'])(
    'of a PostgreSQL is a dump while runs are in progress, which continue after the restore',
    { timeout: 120_000 },
    async () => {
      await using postgres = await startDebianPostgres();
      const start = async (url: string) => {
        const longhaul = createLonghaul(CONFIG, {
          log: createLog('silent'),
          baseDir: directory,
          env: {
            LONGHAUL_DATABASE_URL: url,
            LONGHAUL_DATA_DIR: path.join(directory, 'data'),
            LONGHAUL_ADMIN_KEY: ADMIN_KEY,
            ANTHROPIC_BASE_URL: model.url,
            ANTHROPIC_API_KEY: 'scripted',
          },
        });
        await longhaul.start();
        const client = createClient({ url: 'http://longhaul.test', apiKey: ADMIN_KEY, fetch: longhaul.fetch });
        return { longhaul, client };
      };
      const before = await start(await postgres.createDatabase('before'));
      const finished = await runFast(before.client);
      isSlow = true;
      const { id } = await before.client.submit({ agent: 'teller', prompt: 'slow' });
      await untilEvent(before.client, id, 'agent.text.delta');

      const dump = path.join(directory, 'longhaul.dump');
      const schemas = ['--schema=longhaul', '--schema=longhaul_queue'];
      const beforeUrl = before.longhaul.config.databaseUrl ?? '';
      await postgres.run('pg_dump', '--format=custom', ...schemas, `--file=${dump}`, beforeUrl);
      isSlow = false;
      expect(await untilEnded(before.client, id)).toMatchObject({ status: 'succeeded', attempt: 1 });
      await before.longhaul.stop();

      const url = await postgres.createDatabase('after');
      await postgres.run('pg_restore', '--exit-on-error', `--dbname=${url}`, dump);
      const after = await start(url);
      try {
        expect(await after.client.run(finished.id)).toEqual(finished);
        // Its lease has run out: another attempt continues from where the run stood at the backup.
        expect(await untilEnded(after.client, id)).toMatchObject({ status: 'succeeded', attempt: 2 });
        expect(await runFast(after.client)).toMatchObject({ status: 'succeeded' });
        expect(await after.client.verifyAudit()).toMatchObject({ isIntact: true });
      } finally {
        await after.longhaul.stop();
      }
    },
  );
});
