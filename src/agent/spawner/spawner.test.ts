import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import type { Child, Command } from './child.ts';
import { createSpawner, directSpawner } from './spawner.ts';

const spawner = createSpawner();
afterAll(() => spawner.close());

function toCommand(script: string, { streamCount = 3, ...options }: Partial<Command> = {}): Command {
  const env = { PATH: process.env['PATH'] };
  return { command: '/bin/sh', args: ['-c', script], cwd: '/', env, streamCount, ...options };
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function untilExit(child: Child): Promise<End> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
}

const untilSpawned = (child: Child) => new Promise<void>((resolve) => child.once('spawn', resolve));
const untilFailed = (child: Child) =>
  new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', (error) => resolve(error)));

const parentOf = (pid: number | undefined) =>
  Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);

async function run(start: (command: Command) => Child, input: string) {
  const child = start(toCommand('echo begin; echo problem >&2; cat; exit 3'));
  const ended = untilExit(child);
  child.stdin.end(input);
  const [output, problem] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { output, problem, ...(await ended) };
}

describe.each([
  ['another process', spawner],
  ['this process', directSpawner],
])('a child that %s starts', (_, { start }) => {
  it('gets all its input, and loses none of its output, however early', async () => {
    const input = 'word '.repeat(100_000);
    const runs = await Promise.all(Array.from({ length: 30 }, () => run(start, input)));
    const expected = { output: `begin\n${input}`, problem: 'problem\n', code: 3, signal: null };
    expect(runs).toEqual(Array.from({ length: 30 }, () => expected));
  });

  it('has its directory, its variables and its further streams', async () => {
    const command = toCommand('pwd; echo "$WORD"; cat <&3', { cwd: '/usr', env: { WORD: 'yes' }, streamCount: 4 });
    const child = start(command);
    const further = child.stdio[3];
    if (further === null || further === undefined || !('end' in further)) throw new Error('There is no fourth stream.');
    further.end('more');
    expect(await text(child.stdout)).toBe('/usr\nyes\nmore');
  });

  it('reports the signal that ended it, also when that was sent at once', async () => {
    const child = start(toCommand('sleep 60'));
    const ended = untilExit(child);
    expect(child.kill('SIGKILL')).toBe(true);
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect([child.killed, child.signalCode, child.kill('SIGTERM')]).toEqual([true, 'SIGKILL', false]);
  });

  it('reports that it could not be started, with the code of the system', async () => {
    const child = start(toCommand('', { command: '/nowhere/program' }));
    expect(await untilFailed(child)).toMatchObject({ code: 'ENOENT', syscall: expect.stringContaining('spawn') });
    expect(child.pid).toBeUndefined();
  });

  it('closes when it has ended and its output was read', async () => {
    const child = start(toCommand('(sleep 0.3; echo late) & exit 0'));
    const closed = new Promise<void>((resolve) => child.once('close', resolve));
    child.stderr.resume();
    await untilExit(child);
    expect(await text(child.stdout)).toBe('late\n');
    await closed;
  });
});

describe('the process that starts others', () => {
  it('ignores signals for its unit, and takes its children along when it dies; the next start works', async () => {
    const child = spawner.start(toCommand('exec sleep 60'));
    const ended = untilExit(child);
    await untilSpawned(child);
    const { pid } = child;
    const parent = parentOf(pid);
    expect(parent).not.toBe(process.pid);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(parent, signal);
    const second = spawner.start(toCommand('exec sleep 60'));
    await untilSpawned(second);
    expect(parentOf(second.pid)).toBe(parent);

    const secondEnded = untilExit(second);
    process.kill(parent, 'SIGKILL');
    expect(await Promise.all([ended, secondEnded])).toEqual(
      Array.from({ length: 2 }, () => ({ code: null, signal: 'SIGKILL' })),
    );
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);

    const next = await run(spawner.start, 'again');
    expect(next).toMatchObject({ output: 'begin\nagain', code: 3 });
  });

  it('reports a command that Node rejects', async () => {
    expect(await untilFailed(spawner.start(toCommand('a\0b')))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('is replaced when it does not answer, and ends what it starts too late', async () => {
    const own = createSpawner({ startTimeoutMs: 5_000 });
    const first = own.start(toCommand('exec sleep 60'));
    await untilSpawned(first);
    const parent = parentOf(first.pid);
    try {
      process.kill(parent, 'SIGSTOP');
      const late = own.start(toCommand('exec sleep 60'));
      expect((await untilFailed(late)).message).toContain('nothing was started within 5 s');

      const next = own.start(toCommand('exec sleep 60'));
      await untilSpawned(next);
      expect(parentOf(next.pid)).not.toBe(parent);
      process.kill(parent, 'SIGCONT');
      await expect.poll(() => late.pid).toBeGreaterThan(0);
      await expect.poll(() => existsSync(`/proc/${late.pid}`)).toBe(false);

      expect([first.kill('SIGKILL'), next.kill('SIGKILL')]).toEqual([true, true]);
      await own.close();
      expect(existsSync(`/proc/${parent}`)).toBe(false);
    } finally {
      if (existsSync(`/proc/${parent}`)) process.kill(parent, 'SIGKILL');
    }
  });

  it('ends when it is closed, and with it the children that are tied to their parent', async () => {
    const own = createSpawner();
    const child = own.start(toCommand('exec setpriv --pdeathsig KILL sleep 60'));
    const closed = new Promise<void>((resolve) => child.once('close', resolve));
    await untilSpawned(child);
    const { pid } = child;
    const parent = parentOf(pid);
    await expect.poll(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1')).toMatch(/^sleep/);
    await own.close();
    await expect.poll(() => [existsSync(`/proc/${parent}`), existsSync(`/proc/${pid}`)]).toEqual([false, false]);
    await closed;
  });
});
