import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findCommand, withCommandCache } from './support/built-command.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { NODE_ARGS, spawnCommand, type RunningCommand } from './support/run-command.ts';

// A process of Longhaul in its system: the first process of a container, a server behind a load balancer, a process
// that a supervisor restarts.

const toConfig = (http: object) =>
  `export default ${JSON.stringify({ agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } }, http })};\n`;

/** True when this machine allows a process to be the first of a PID namespace. */
const hasNamespaces =
  process.platform === 'linux' && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;

let directory: string;
let database: { url: string; drop: () => Promise<void> };
let env: Record<string, string>;
const commands: RunningCommand[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'longhaul-life-'));
  database = await createPostgresDatabase();
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    TMPDIR: directory,
    LONGHAUL_PORT: '0',
    LONGHAUL_DATABASE_URL: database.url,
  };
});
afterEach(async () => {
  for (const command of commands) command.kill('SIGKILL');
  await Promise.all(commands.splice(0).map(({ ended }) => ended));
});
afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

async function start(role: string, http: object, more: Record<string, string> = {}) {
  await writeFile(path.join(directory, 'longhaul.config.mjs'), toConfig(http));
  const command = spawnCommand([role], { cwd: directory, env: { ...env, ...more } });
  commands.push(command);
  const [, url = ''] = await command.printed(/Longhaul (?:is listening on (\S+)|worker is running)/);
  return { command, url };
}

describe('a server that receives a signal to stop', () => {
  it('reports that it is stopping, and answers until load balancers have had time to notice', async () => {
    const { command, url } = await start('server', { shutdownDelaySeconds: 2 });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const askedAt = performance.now();
    command.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    const answer = await fetch(`${url}/livez`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'leaving' });
    expect((await command.ended).exitCode).toBe(0);
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(2_000);
  });

  it('does not wait after a second signal', async () => {
    const { command, url } = await start('server', { shutdownDelaySeconds: 60 });
    command.kill('SIGTERM');
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    command.kill('SIGTERM');
    expect((await command.ended).exitCode).toBe(0);
  });
});

describe('a process', () => {
  it('has a title that names its work', async () => {
    const { command } = await start('worker', {});
    expect(execFileSync('ps', ['-o', 'args=', '-p', String(command.pid)], { encoding: 'utf8' }).trim()).toBe(
      'longhaul worker',
    );
  });

  it('logs an uncaught error, ends in good order and asks for a restart', async () => {
    const fault = path.join(directory, 'fault.mjs');
    await writeFile(
      fault,
      "process.on('SIGUSR2', () => { Promise.reject(new Error('of a part')); process.emitWarning('odd'); });\n",
    );
    const { command } = await start('worker', {}, { NODE_OPTIONS: `--import ${fault}` });
    command.kill('SIGUSR2');
    const { exitCode, stderr } = await command.ended;
    expect(exitCode).toBe(75);
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ level: 60, origin: 'unhandledRejection' }));
    expect(lines).toContainEqual(expect.objectContaining({ level: 40, msg: 'Node emitted a warning: odd' }));
    expect(lines.map(({ msg }) => msg)).toContain('drained');
  });
});

describe.runIf(hasNamespaces)('the first process of a container', () => {
  let container: ChildProcess;
  afterEach(() => container.kill('SIGKILL'));

  /** Returns the processes of the container, as the system lists them. */
  const list = (first: number) =>
    execFileSync('nsenter', ['-t', String(first), '-p', '-m', 'ps', '-eo', 'pid=,ppid=,stat=,args='], {
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
      .map((line) => /^\s*(?<pid>\d+)\s+(?<ppid>\d+)\s+(?<stat>\S+)\s+(?<args>.*)$/.exec(line)?.groups ?? {});

  it("reaps the processes that its tools leave behind, forwards a signal and ends with the command's exit code", async () => {
    await writeFile(path.join(directory, 'longhaul.config.mjs'), toConfig({ shutdownDelaySeconds: 0 }));
    const node = [process.execPath, ...NODE_ARGS, findCommand(), 'worker'];
    container = spawn('unshare', ['--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', ...node], {
      cwd: directory,
      env: withCommandCache(env),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(container, 'exit');
    let said = '';
    container.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text));
    await expect.poll(() => said, { timeout: 30_000 }).toContain('Longhaul worker is running');
    const first = Number(await readFile(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8'));
    const worker = list(first).find(({ args }) => args === 'longhaul worker');
    expect(worker).toMatchObject({ ppid: '1' });

    // As a tool that leaves a process behind: its parent ends first, and the first process adopts it.
    execFileSync('nsenter', [
      '-t',
      String(first),
      '-p',
      '-m',
      'sh',
      '-c',
      'for i in 1 2 3; do (sleep 0.2 & sleep 0.2 &); done',
    ]);
    const left = () => list(first).filter(({ args }) => /^(?:sleep|\[sleep\])/.test(args ?? ''));
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);

    process.kill(first, 'SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
