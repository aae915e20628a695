import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../test/support/embedded-postgres.ts';
import { hasRedis, startRedisServer, type RedisServer } from '../../../test/support/redis-server.ts';
import { createRedisBackend } from './redis-backend.ts';

describe.runIf(hasRedis)('the backend Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer();
    await server.send('ACL', 'SETUSER', 'known', 'on', '>right', '~longhaul:*', '+@all');
    await server.send('ACL', 'SETUSER', 'least', 'on', '>right', '~longhaul:*', ...RIGHTS);
    await server.send('ACL', 'SETUSER', 'reader', 'on', '>right', '~longhaul:*', '+@read', '+@connection');
  });
  afterAll(() => server.close());

  /** The rights of docs/queues.md. */
  const RIGHTS = ['+set', '+rpush', '+lpush', '+lpop', '+blpop', '+llen', '+client|id', '+client|unblock', '+select'];

  const urlOf = (user: string, rest = '') => server.url.replace('//', `//${user}@`) + rest;
  const open = async (url: string) => {
    const backend = createRedisBackend(url);
    await backend.prepare('abc123', ['a', 'b']);
    return backend;
  };

  it.each([
    ['with a wrong password', 'known:wrong', ''],
    ['whose user has too few rights', 'reader:right', ''],
    ['that has no such database', 'known:right', '/99'],
  ])('ends the start with one sentence for a Redis %s', async (_, user, rest) => {
    const error = await open(urlOf(user, rest)).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'config_invalid' });
    expect(String(error)).toContain('LONGHAUL_QUEUE_URL names a Redis that refuses Longhaul');
    expect(String(error)).not.toContain('wrong');
  });

  it('rejects with an error that passes when nothing listens', async () => {
    const error = await open(`redis://127.0.0.1:${await findFreePort()}`).catch((caught: unknown) => caught);
    expect(error).not.toHaveProperty('code', 'config_invalid');
  });

  it('needs no more than the documented rights', async () => {
    const backend = await open(urlOf('least:right', '/1'));
    const receiver = backend.openReceiver();
    await backend.send('a', 2);
    const delivery = await receiver.receive([{ queue: 'a', room: 1 }]);
    await delivery?.giveBack();
    expect(await backend.count('a')).toBe(2);
    await backend.discard('a', 2);
    const waiting = receiver.receive([{ queue: 'a', room: 1 }]);
    const startedAt = performance.now();
    const interruption = setInterval(() => receiver.interrupt(), 20);
    expect(await waiting).toBeNull();
    clearInterval(interruption);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await receiver.close();
    await backend.close();
  });

  it('counts a Redis that accepts no writes as away', async () => {
    const backend = await open(server.url);
    await server.send('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await expect(backend.probe()).rejects.toThrow('NOREPLICAS');
    await server.send('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await backend.probe();
    await backend.close();
  });

  it('notices within its deadlines that the server is silent', async () => {
    const backend = await open(server.url);
    const receiver = backend.openReceiver();
    await backend.send('a', 1);
    await receiver.receive([{ queue: 'a', room: 1 }]);
    server.freeze();
    const startedAt = performance.now();
    try {
      await expect(backend.probe()).rejects.toThrow('took longer');
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      await expect(receiver.receive([{ queue: 'a', room: 1 }])).rejects.toThrow('took longer');
      expect(performance.now() - startedAt).toBeLessThan(11_000);
    } finally {
      server.thaw();
    }
    await receiver.close();
    await backend.close();
  });

  it('uses keys of its deployment alone', async () => {
    const [own, other] = [createRedisBackend(server.url), createRedisBackend(server.url)];
    await own.prepare('abc123', ['c']);
    await other.prepare('abc124', ['c']);
    await own.send('c', 3);
    expect([await own.count('c'), await other.count('c')]).toEqual([3, 0]);
    expect(await server.send('KEYS', '*queue:c')).toEqual(['longhaul:{abc123}:queue:c']);
    await own.close();
    await other.close();
  });
});
