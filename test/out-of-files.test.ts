import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { NODE_ARGS } from './support/run-command.ts';

// A process that has no file descriptor left cannot accept a connection, start a process or read its own memory. Each
// of these is an error that no particular caller receives.

const FIXTURE = path.resolve(import.meta.dirname, 'fixtures/out-of-files.ts');
const OPEN_FILES = 100;

describe.runIf(process.platform === 'linux')('a process without a free file descriptor', () => {
  let child: ChildProcess;
  const sockets: Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    child.kill('SIGKILL');
  });

  const flood = async (url: string, count: number) => {
    const opened = Array.from({ length: count }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    sockets.push(...opened);
    for (const socket of opened) socket.on('error', () => {});
    await Promise.all(opened.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
  };

  it.each(['gateway', 'api'] as const)('survives a flood of connections to its %s, and continues', async (target) => {
    child = spawn('sh', ['-c', `ulimit -n ${OPEN_FILES}; exec "$0" "$@"`, process.execPath, ...NODE_ARGS, FIXTURE], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'] ?? '' },
    });
    const ended = once(child, 'exit');
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const next = async () => JSON.parse(String((await lines.next()).value)) as Record<string, string>;
    const urls = await next();
    const tryToStart = () => {
      child.stdin?.write('start\n');
      return next();
    };
    expect(await tryToStart()).toEqual({ started: ['started', 'started'], hasReaper: true });

    await flood(urls[target] ?? '', 2 * OPEN_FILES);
    await expect.poll(tryToStart).toEqual({ started: ['EMFILE', 'EMFILE'], hasReaper: false });
    expect(child.exitCode).toBeNull();

    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(tryToStart).toEqual({ started: ['started', 'started'], hasReaper: true });
    expect(await (await fetch(urls['api'] ?? '')).text()).toBe('here');
    child.stdin?.write('leave\n');
    expect(await ended).toEqual([0, null]);
  });
});
