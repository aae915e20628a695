import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRedisLink } from '../../src/queue/backend/redis-link.ts';
import { findFreePort } from './embedded-postgres.ts';

/** True when the machine has Redis; tests that need it are left out otherwise, but not in CI. */
export const hasRedis = findRedis();

function findRedis(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    const advice = 'redis-server is missing: apt-get install redis-server';
    if (process.env['CI'] !== undefined) throw new Error(advice);
    console.warn(`Tests are left out: ${advice}`);
    return false;
  }
}

/** A real Redis for one test file, which keeps nothing on the disk. */
export interface RedisServer {
  readonly url: string;
  /** Sends a command to it. */
  send(...command: string[]): Promise<unknown>;
  /** Kills it; its lists are lost. */
  kill(): Promise<void>;
  /** Starts it again, empty, at the same port. */
  start(): Promise<void>;
  /** Stops the process without closing a connection, like a network that drops packets. */
  freeze(): void;
  thaw(): void;
  /** Removes all lists. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export async function startRedisServer({ args = [] as readonly string[] } = {}): Promise<RedisServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-redis-'));
  const port = await findFreePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const link = createRedisLink(url);

  async function start(): Promise<void> {
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', directory, ...args];
    child = spawn('redis-server', options, { stdio: 'ignore' });
    const startedAt = performance.now();
    for (;;) {
      try {
        await link.send(['PING']);
        return;
      } catch (error) {
        // A password is required: it has started.
        if (String(error).includes('NOAUTH')) return;
        if (performance.now() - startedAt > 10_000) throw error;
        await delay(20);
      }
    }
  }

  async function kill(): Promise<void> {
    if (child === null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    child = null;
  }

  await start();
  return {
    url,
    send: (...command) => link.send(command),
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    flush: async () => {
      await link.send(['FLUSHALL']);
    },
    async close() {
      link.close();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
