import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { seedDatabase } from '../src/testing/seed-database.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { runCommand, spawnCommand } from './support/run-command.ts';
import { hasTerminals, startInTerminal } from './support/terminal-command.ts';

// How an operator gets the first key, with real commands: from the terminal, from a secret, and with the database alone.

const CONFIG = {
  agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } },
  http: { shutdownDelaySeconds: 0 },
};
const GIVEN = `lh_${'0123456789abcdef'.repeat(4)}`;

describe('the first admin key', () => {
  let directory: string;
  let database: { url: string; drop: () => Promise<void> };
  let env: Record<string, string>;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-first-key-'));
    await writeFile(path.join(directory, 'longhaul.config.mjs'), `export default ${JSON.stringify(CONFIG)};\n`);
    database = await createPostgresDatabase({ isEmpty: true });
    env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TMPDIR: directory,
      LONGHAUL_PORT: '0',
      LONGHAUL_DATABASE_URL: database.url,
    };
  });
  afterAll(async () => {
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const longhaul = (args: string[], more: Record<string, string> = {}) =>
    runCommand(args, { cwd: directory, env: { ...env, ...more } });
  const withServer = async (more: Record<string, string>, use: (url: string) => Promise<void>) => {
    const server = spawnCommand(['server'], { cwd: directory, env: { ...env, ...more } });
    const [, url = ''] = await server.printed(/listening on (http:\S+)/);
    await use(url);
    server.kill('SIGTERM');
    return server.ended;
  };
  const namesOf = async (url: string, apiKey: string) =>
    (await createClient({ url, apiKey }).keys()).data.map(({ name }) => name);

  it('is not made by migrate where nobody would see it, and cannot be made before there are tables', async () => {
    const before = await longhaul(['keys', 'create', 'x', '--scope', 'admin', '--database']);
    expect(before).toMatchObject({ exitCode: 83, stdout: '' });
    expect(before.stderr).toContain('longhaul migrate');
    expect(await longhaul(['migrate'])).toMatchObject({ exitCode: 0 });
    const after = await longhaul(['migrate', '--json']);
    expect(after).toMatchObject({ exitCode: 0, stdout: '{"applied":[]}\n' });
  });

  it('is made by whoever may write to the database, without a server', async () => {
    const made = await longhaul(['keys', 'create', 'operator', '--scope', 'admin', '--database']);
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^lh_[\w-]{43}\n$/) as string });
    const bad = await longhaul(['keys', 'create', '', '--database']);
    expect(bad).toMatchObject({ exitCode: 60, stdout: '' });
    expect(bad.stderr).toContain('name must not be empty');
    await withServer({}, async (url) => {
      // The server found a key to administer with, and made none.
      expect(await namesOf(url, made.stdout.trim())).toEqual(['operator']);
    });
    const listed = await withServer({}, async (url) => {
      const entries = await longhaul(['audit', '--action', 'key.created', '--json'], {
        LONGHAUL_URL: url,
        LONGHAUL_API_KEY: made.stdout.trim(),
      });
      expect(entries.stdout).toContain('"actor":"database"');
    });
    expect(listed.exitCode).toBe(0);
  });

  it('comes from a secret, for the server and for the commands beside it, and stands in no log', async () => {
    const file = path.join(directory, 'secret');
    await writeFile(file, `${GIVEN}\n`);
    await chmod(file, 0o400);
    for (const variables of [{ LONGHAUL_ADMIN_KEY_FILE: file }, { LONGHAUL_ADMIN_KEY: GIVEN }]) {
      const { stdout, stderr } = await withServer(variables, async (url) => {
        expect(await namesOf(url, GIVEN)).toEqual(['admin', 'operator']);
        const port = new URL(url).port;
        expect(await longhaul(['runs'], { ...variables, LONGHAUL_PORT: port })).toMatchObject({ exitCode: 0 });
      });
      expect(stdout + stderr).not.toContain(GIVEN);
    }
  });

  it.each([
    [{ LONGHAUL_ADMIN_KEY: 'short' }, 'LONGHAUL_ADMIN_KEY must be "lh_" and 32 to 200'],
    [{ LONGHAUL_ADMIN_KEY: GIVEN, LONGHAUL_ADMIN_KEY_FILE: 'x' }, 'set one of the two'],
    [{ LONGHAUL_ADMIN_KEY_FILE: '/nowhere/key' }, 'cannot be read: ENOENT'],
  ])('is refused with its variable where it is none: %j', async (variables, words) => {
    const { exitCode, stdout, stderr } = await longhaul(['server'], variables);
    expect({ exitCode, stdout }).toEqual({ exitCode: 80, stdout: '' });
    const { msg } = JSON.parse(stderr) as { msg: string };
    expect(msg).toContain(words);
    expect(msg).not.toContain(GIVEN);
    expect(msg).not.toContain('received');
  });

  it.runIf(hasTerminals)('is shown on a terminal, and there alone', async () => {
    const home = await mkdtemp(path.join(directory, 'terminal-'));
    await writeFile(path.join(home, 'longhaul.config.mjs'), `export default ${JSON.stringify(CONFIG)};\n`);
    await seedDatabase(path.join(home, '.longhaul'));
    const { LONGHAUL_DATABASE_URL: _, ...embedded } = env;
    const started = startInTerminal(['start'], { cwd: home, env: embedded });
    await started.shows(/Longhaul is listening on http:\/\/127\.0\.0\.1:\d+\r?\n/);
    const [, key] = await started.shows(/Admin key: (lh_\S+) \(saved in \.longhaul\/admin-key\)/);
    expect((await readFile(path.join(home, '.longhaul/admin-key'), 'utf8')).trim()).toBe(key);
    // Signs in once, and is shown on a terminal alone as well.
    await started.shows(/Dashboard: http:\/\/127\.0\.0\.1:\d+\/#code=[\w-]{20,} /);
    started.type('\x03');
    await started.shows(/"msg":"drained"/);
    await started.ended;
  });
});
