import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventResource, RunResource } from '../src/client/client.ts';
import { seedDatabase } from '../src/testing/seed-database.ts';
import {
  findProcessesOf,
  runCommand,
  spawnCommand,
  type CommandResult,
  type RunningCommand,
} from './support/run-command.ts';

const WORKSPACE = fileURLToPath(new URL('../examples/workspace', import.meta.url));
const UNKNOWN_ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

/** The directory of these commands: they neither see nor change files of this machine's user. */
let home: string;
let temporary: string;
let cwd: string;
let env: Record<string, string>;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'longhaul-cli-'));
  temporary = path.join(home, 'tmp');
  cwd = path.join(home, 'project');
  await mkdir(temporary);
  await mkdir(cwd);
  env = { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: temporary };
  const config = { agents: { reader: { tools: ['Read', 'Grep', 'Glob'], workspace: WORKSPACE } } };
  await writeFile(path.join(cwd, 'longhaul.config.mjs'), `export default ${JSON.stringify(config)};\n`);
});

afterAll(() => rm(home, { recursive: true, force: true }));

describe('longhaul demo', () => {
  it('shows a run from beginning to end without key or network, and cleans up', async () => {
    const { exitCode, stdout, stderr } = await runCommand(['demo'], { cwd: home, env });
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
    expectInOrder(stdout, [
      "The model's words are scripted; the agent loop, the tools, the files read and the accounting are real.",
      'Creating the embedded database',
      '● Glob',
      '● Read  README.md',
      'Night desk, Halden Freight',
      '✓ succeeded   $0.0',
      'Next,',
    ]);
    expect(stdout).toMatch(/✓ succeeded {3}\$0\.\d+ {3}\d+ turns {3}\d+\.\d s/);
    expect(stdout).not.toContain('\x1b');
    await expectNothingLeft();
  });

  it('cleans up after Ctrl-C in the middle of the run', async () => {
    const demo = spawnCommand(['demo', '--json'], { cwd: home, env });
    await demo.printed(/"type":"agent\.tool_use"/);
    demo.kill('SIGINT');
    expect((await demo.ended).exitCode).toBe(130);
    await expectNothingLeft();
  });

  async function expectNothingLeft() {
    expect(await readdir(temporary)).toEqual([]);
    expect(await findProcessesOf(home)).toEqual([]);
  }
});

describe('the commands against a started server', () => {
  let server: RunningCommand;
  let url: string;

  const longhaul = (...args: string[]) => runCommand(args, { cwd, env: { ...env, LONGHAUL_URL: url } });
  const start = (...args: string[]) => spawnCommand(args, { cwd, env: { ...env, LONGHAUL_URL: url } });

  beforeAll(async () => {
    await seedDatabase(path.join(cwd, '.longhaul'));
    server = spawnCommand(['start', '--port', '0'], { cwd, env });
    url = (await server.printed(/Longhaul is listening on (http:\/\/127\.0\.0\.1:\d+) with 4 slots/))[1] ?? '';
  });

  afterAll(async () => {
    server.kill('SIGKILL');
    await server.ended;
  });

  it('keeps the first admin key for its owner alone, and names its file but not the key', async () => {
    const { adminKeyFile } = toLogLine(await server.printed(/^\{.*An admin key was created.*\}$/m));
    const file = path.join(cwd, '.longhaul', 'admin-key');
    expect(adminKeyFile).toBe(await realpath(file));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/^lh_[\w-]{43}\n$/);
    await server.printed(/No provider is configured: answers come from the built-in scripted model\./);
  });

  it('has time, process, host and worker on every line of both outputs', async () => {
    const [url] = [await server.printed(/^\{.*Longhaul is listening.*\}$/m)].map(toLogLine);
    const logged = toLogLine(await server.logged(/^\{.*worker started.*\}$/m));
    const workerId = expect.stringMatching(/^[\da-f-]{36}$/) as string;
    const base = { level: 30, time: expect.any(Number) as number, pid: server.pid, host: hostname(), workerId };
    expect(url).toMatchObject(base);
    expect(logged).toMatchObject(base);
    expect(logged['workerId']).toBe(url?.['workerId']);
  });

  it('submits and follows a run as lines of JSON, and then lists, shows and tails it', async () => {
    const followed = await longhaul('run', 'reader', 'What is late?', '--follow', '--json', '--user', 'u-1');
    expect(followed).toMatchObject({ exitCode: 0, stderr: '' });
    const events = toJsonLines<EventResource>(followed);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['run.queued', 'run.started', 'agent.tool_use', 'agent.tool_result', 'agent.text.delta']),
    );
    expect(events.at(-1)?.type).toBe('run.succeeded');
    const { runId } = events[0]!;

    const [page] = toJsonLines<{ data: RunResource[] }>(await longhaul('runs', '--user', 'u-1', '--json'));
    expect(page?.data.map(({ id, status }) => [id, status])).toEqual([[runId, 'succeeded']]);
    const [shown] = toJsonLines<RunResource>(await longhaul('show', runId, '--json'));
    expect(shown).toMatchObject({ id: runId, prompt: 'What is late?', status: 'succeeded', toolUses: { Glob: 1 } });
    const tailed = await longhaul('tail', runId, '--after', '2', '--json');
    expect(toJsonLines(tailed)).toEqual(events.slice(2));

    expectInOrder((await longhaul('runs')).stdout, ['ID', 'AGENT', 'PROMPT', runId, 'reader', 'What is late?']);
    expectInOrder((await longhaul('show', runId)).stdout, [
      '✓ succeeded',
      'Metered',
      'Reported',
      'Read',
      'Prompt',
      'Result',
    ]);
  });

  it('submits without following, takes any prompt as data and never prints it raw', async () => {
    const prompt = '--settings=x \x1b[2J\u202e';
    const submitted = await longhaul('run', 'reader', '--', prompt);
    const id = submitted.stdout.split('\n')[0] ?? '';
    expect(submitted.stdout).toContain(`longhaul tail ${id}`);
    const [shown] = toJsonLines<RunResource>(await longhaul('show', id, '--json'));
    expect(shown?.prompt).toBe(prompt);
    for (const command of [['runs'], ['show', id], ['tail', id]]) {
      const { exitCode, stdout } = await longhaul(...command);
      expect(exitCode).toBe(0);
      for (const raw of ['\x1b', '\u202e']) expect(stdout).not.toContain(raw);
      expect(stdout).toContain('--settings=x');
    }
  });

  it('reads a prompt from standard input', async () => {
    const options = { cwd, env: { ...env, LONGHAUL_URL: url }, input: 'Count the trucks,\nplease' };
    const [run] = toJsonLines<RunResource>(await runCommand(['run', 'reader', '-', '--json'], options));
    expect(run?.prompt).toBe('Count the trucks,\nplease');
    await longhaul('cancel', run?.id ?? '');
  });

  it('cancels a run and waits for its end; a follower exits with the code of a cancelled run', async () => {
    const following = start('run', 'reader', 'Take your time', '--follow', '--json');
    const id = (await following.printed(/"runId":"([^"]+)".*"type":"agent\.init"/))[1] ?? '';
    const cancelled = await longhaul('cancel', id);
    expect(cancelled).toMatchObject({ exitCode: 0, stderr: '' });
    expect(cancelled.stdout).toMatch(/^✗ cancelled {3}\$/);
    expect((await following.ended).exitCode).toBe(16);
    expect((await longhaul('tail', id)).exitCode).toBe(16);
  });

  it('does not stop the run when Ctrl-C ends the follower', async () => {
    const following = start('run', 'reader', 'Go on without me', '--follow', '--json');
    const id = (await following.printed(/"runId":"([^"]+)".*"type":"agent\.init"/))[1] ?? '';
    following.kill('SIGINT');
    const { exitCode, stderr } = await following.ended;
    expect(exitCode).toBe(130);
    expectInOrder(stderr, ['The run continues', `longhaul tail ${id}`, `longhaul cancel ${id}`]);
    expect((await longhaul('tail', id)).exitCode).toBe(0);
  });

  it('ends quietly when its reader closes the pipe', async () => {
    const following = start('run', 'reader', 'Talk to nobody', '--follow');
    await following.printed(/●/);
    following.closeOutput();
    expect(await following.ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('names every wrong field', async () => {
    const { exitCode, stdout, stderr } = await longhaul('run', 'reader', '', '--max-turns', '99');
    expect(exitCode).toBe(60);
    expect(stdout).toBe('');
    expectInOrder(stderr, ['longhaul: The request is not valid.\n', '  prompt must not be empty']);
    const limits = await longhaul('run', 'reader', 'hi', '--max-turns', '99', '--max-budget-usd', '7');
    expect(limits.stderr).toContain('  limits.maxTurns must be at most 15');
    expect(limits.stderr).toContain('  limits.maxBudgetUsd must be at most 1');
    expect(await longhaul('run', 'nobody', 'hi')).toMatchObject({ exitCode: 68 });
    expect(await longhaul('show', UNKNOWN_ID)).toMatchObject({ exitCode: 67 });
  });

  it('rejects a wrong key, and says where to get a key without one', async () => {
    const wrong = await runCommand(['runs'], { cwd, env: { ...env, LONGHAUL_URL: url, LONGHAUL_API_KEY: 'lh_wrong' } });
    expect(wrong).toMatchObject({
      exitCode: 64,
      stdout: '',
      stderr: 'longhaul: The API key is unknown or was revoked.\n',
    });
    const none = await runCommand(['runs'], { cwd: home, env: { ...env, LONGHAUL_URL: url } });
    expect(none.exitCode).toBe(64);
    expect(none.stderr).toContain('set LONGHAUL_API_KEY');
  });

  it('refuses a second start on the same data directory, naming the first one', async () => {
    const { exitCode, stderr } = await longhaul('start', '--port', '0');
    expect(exitCode).toBe(82);
    expect(stderr).toContain(`in use by process ${server.pid}`);
  });

  it('lets a run finish at SIGTERM, then ends cleanly', async () => {
    // The run that nobody follows any more.
    const running = async () => (await longhaul('runs', '--status', 'running', '--json')).stdout;
    await expect.poll(running, { timeout: 60_000 }).toContain('"data":[]');
    const following = start('run', 'reader', 'A last question', '--follow', '--json');
    await following.printed(/"type":"agent\.init"/);
    server.kill('SIGTERM');
    await server.logged(/"runs":1,"msg":"draining: no more runs are claimed"/);
    expect((await following.ended).exitCode).toBe(0);
    expect((await server.ended).exitCode).toBe(0);
    expect(existsSync(path.join(cwd, '.longhaul', 'lock'))).toBe(false);
    expect(await findProcessesOf(home)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });
});

describe('the commands by themselves', () => {
  const longhaul = (...args: string[]) => runCommand(args, { cwd: home, env });

  it('reports that there is no server and how to start it', async () => {
    const { exitCode, stderr } = await longhaul('runs', '--url', 'http://127.0.0.1:9');
    expect(exitCode).toBe(85);
    expect(stderr).toMatch(/^longhaul: .*http:\/\/127\.0\.0\.1:9.*\. Start it with: longhaul start\n$/);
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['drive']],
    ['an unknown option', ['runs', '--colour']],
    ['a missing argument', ['run', 'reader']],
    ['a malformed id', ['show', 'latest']],
    ['a limit that is no number', ['run', 'reader', 'hi', '--max-turns', 'many']],
    ['a status that is none', ['runs', '--status', 'parked']],
    ['an address that is none', ['runs', '--url', 'localhost']],
  ])('exits with 2 at %s', async (_, args) => {
    const { exitCode, stdout, stderr } = await longhaul(...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('explains how to create a missing configuration', async () => {
    const { exitCode, stderr } = await longhaul('start');
    expect(exitCode).toBe(81);
    expectInOrder(stderr, ['There is no longhaul.config.ts', 'export default']);
    // In a supervisor's log, this line is JSON too.
    expect(JSON.parse(stderr)).toMatchObject({ level: 60, code: 'config_not_found', host: hostname() });
  });

  it.each(['server', 'worker'])('refuses a %s alone on the embedded database', async (command) => {
    const { exitCode, stderr } = await runCommand([command], { cwd, env });
    expect(exitCode).toBe(80);
    expect(stderr).toContain('LONGHAUL_DATABASE_URL');
  });

  it('has help with an example for every command', async () => {
    const { exitCode, stdout } = await longhaul('--help');
    expect(exitCode).toBe(0);
    const commands = ['demo', 'start', 'server', 'worker', 'migrate', 'run', 'runs', 'show', 'tail', 'cancel'];
    expectInOrder(stdout, commands);
    for (const command of commands)
      expect((await longhaul(command, '--help')).stdout).toMatch(/Examples?:\n {2}\$ .*longhaul /);
    expect((await longhaul('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

function toLogLine([line]: RegExpExecArray): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}

function toJsonLines<T>({ stdout }: CommandResult): T[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

function expectInOrder(text: string, pieces: readonly string[]): void {
  let from = 0;
  for (const piece of pieces) {
    const at = text.indexOf(piece, from);
    expect(at, `${JSON.stringify(piece)} after character ${from} of:\n${text}`).toBeGreaterThanOrEqual(0);
    from = at + piece.length;
  }
}
