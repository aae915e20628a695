import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPostgresDatabase } from '../../test/support/databases.ts';
import { ownIdentity } from '../core/process-identity.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { openEmbeddedDatabase } from './embedded.ts';
import { EXCLUSIVE_LOCK } from './exclusive-lock.ts';
import { migrate } from './migrate.ts';
import { openPostgresDatabase } from './postgres.ts';

describe('the lock of a data directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('rejects a second holder and names the first, until it is released', async () => {
    const lock = await lockDataDir(directory);
    await expect(lockDataDir(directory)).rejects.toMatchObject({
      code: 'data_dir_locked',
      message: expect.stringContaining(`in use by process ${process.pid}.`) as string,
    });
    await lock.release();
    await (await lockDataDir(directory)).release();
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['a process that is gone', ownIdentity().replace(/^\d+/, '999999999')],
    ['a process whose id now belongs to another', ownIdentity().replace(/:[^@]+/, ':1')],
  ])('is taken over when it was left by %s', async (_, holder) => {
    await writeFile(path.join(directory, 'lock'), holder);
    const lock = await lockDataDir(directory);
    expect(await readFile(path.join(directory, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid}:`));
    await lock.release();
  });

  it.each([
    ['of another container', '1:1@another-machine', 'process 1.'],
    ['of another version', '4711', 'process 4711.'],
    ['that cannot be named', 'garbage', 'another process.'],
  ])('is left to a holder %s that updates it, and taken from a holder that does not', async (_, holder, name) => {
    const file = path.join(directory, 'lock');
    await writeFile(file, holder);
    const signs = setInterval(() => void utimes(file, new Date(), new Date()), 100);
    await expect(lockDataDir(directory)).rejects.toMatchObject({
      code: 'data_dir_locked',
      message: expect.stringContaining(`in use by ${name}`) as string,
    });
    clearInterval(signs);
    await (await lockDataDir(directory, { watchMs: 500 })).release();
  });

  it('goes to one of many processes that find a stale lock at once', async () => {
    await writeFile(path.join(directory, 'lock'), ownIdentity().replace(/^\d+/, '999999999'));
    const script = path.join(import.meta.dirname, '../../test/fixtures/take-lock.ts');
    const children = Array.from({ length: 6 }, () =>
      fork(script, [directory], { execArgv: ['--conditions=longhaul-source'] }),
    );
    const exits = children.map((child) => once(child, 'exit'));
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = Promise.all(children.map(async (child) => ((await once(child, 'message')) as [string])[0]));
    for (const child of children) child.send('go');
    expect((await answers).filter((answer) => answer === 'taken')).toHaveLength(1);
    for (const child of children) child.send('end');
    await Promise.all(exits);
  });
});

describe('the embedded database', () => {
  it('is private, can be opened again, and releases its directory', async () => {
    const directory = path.join(await mkdtemp(path.join(tmpdir(), 'longhaul-embedded-')), 'data');
    const database = await openEmbeddedDatabase(directory);
    await expect(openEmbeddedDatabase(directory)).rejects.toMatchObject({ code: 'data_dir_locked' });
    await sql`create table kept (value bigint)`.execute(database.sql);
    await sql`insert into kept values (7)`.execute(database.sql);
    await database.close();
    const again = await openEmbeddedDatabase(directory);
    expect((await sql`select value from kept`.execute(again.sql)).rows).toEqual([{ value: 7 }]);
    await again.close();
    expect((await stat(directory)).mode & 0o077).toBe(0);
    await rm(path.dirname(directory), { recursive: true });
  });

  it('leaves an existing directory unchanged, and makes its own files private', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-embedded-'));
    await chmod(directory, 0o755);
    await mkdir(path.join(directory, 'lost+found')); // As on a new volume.
    await (await openEmbeddedDatabase(directory)).close();
    expect((await stat(directory)).mode & 0o777).toBe(0o755);
    expect((await stat(path.join(directory, 'db'))).mode & 0o777).toBe(0o700);
    await rm(directory, { recursive: true });
  });
});

describe('a PostgreSQL database', () => {
  it('that is unreachable is rejected without its password', async () => {
    const opening = openPostgresDatabase({ url: 'postgres://longhaul:hunter2@127.0.0.1:1/nowhere' });
    await expect(opening).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(opening).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') as string });
  });

  it('fails a transaction whose connection is cut, and nothing else', async () => {
    const { url, drop } = await createPostgresDatabase({ isEmpty: true });
    const database = await openPostgresDatabase({ url });
    const transaction = database.sql.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(database.sql);
      await new Promise((resolve) => setTimeout(resolve, 50)); // The connection ends while no query is in progress.
      await sql`select 1`.execute(trx);
    });
    await expect(transaction).rejects.toThrow();
    expect((await sql`select 1 as one`.execute(database.sql)).rows).toEqual([{ one: 1 }]);
    await database.close();
    await drop();
  });

  it('that stops responding fails the waiting callers, then is reached and listened to again', async () => {
    const { url, drop } = await createPostgresDatabase({ isEmpty: true });
    const proxy = await startFreezingProxy(new URL(url));
    const database = await openPostgresDatabase({ url: proxy.url, silenceMs: 1_000 });
    const reconnected = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<string>();
    await database.listen('longhaul_events', heard.resolve, reconnected.resolve);
    await sql`select 1`.execute(database.sql);

    proxy.freeze();
    await expect(sql`select 1`.execute(database.sql)).rejects.toThrow(/terminated|nothing/);
    expect((await sql`select 1 as one`.execute(database.sql)).rows).toEqual([{ one: 1 }]);
    await reconnected.promise;
    await sql`notify longhaul_events, 'again'`.execute(database.sql);
    expect(await heard.promise).toBe('again');
    await database.close();
    await proxy.close();
    await drop();
  });

  it('has time for migrations: a migration that waits silently for another is not given up', async () => {
    const { url, drop } = await createPostgresDatabase({ isEmpty: true });
    const first = await openPostgresDatabase({ url });
    const second = await openPostgresDatabase({ url, silenceMs: 300 });
    const isWaiting = () => sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(first.sql);
    let migrating: Promise<string[]>;
    await first.patientSql.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(EXCLUSIVE_LOCK)})`.execute(trx);
      migrating = second.exclusively(() => migrate(second));
      await expect.poll(async () => (await isWaiting()).rows.length, { timeout: 10_000 }).toBe(1);
      await sql`select pg_sleep(1)`.execute(trx);
    });
    expect((await migrating!).length).toBeGreaterThan(0);
    await Promise.all([first.close(), second.close()]);
    await drop();
  });

  it('is listened to again after its connections were cut, and reports that notifications may have been missed', async () => {
    const { url, drop } = await createPostgresDatabase({ isEmpty: true });
    const errors: Error[] = [];
    const database = await openPostgresDatabase({ url, onError: (error) => errors.push(error) });
    const killer = await openPostgresDatabase({ url });
    const reconnected = Promise.withResolvers<void>();
    let heard = Promise.withResolvers<string>();
    await database.listen('longhaul_events', (payload) => heard.resolve(payload), reconnected.resolve);

    await sql`notify longhaul_events, 'one'`.execute(killer.sql);
    expect(await heard.promise).toBe('one');

    heard = Promise.withResolvers();
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
      killer.sql,
    );
    await reconnected.promise;
    await sql`notify longhaul_events, 'two'`.execute(killer.sql);
    expect(await heard.promise).toBe('two');
    expect((await sql`select 1::bigint as one`.execute(database.sql)).rows).toEqual([{ one: 1 }]);
    expect(errors.length).toBeGreaterThan(0);
    await killer.close();
    await database.close();
    await drop();
  });
});

/** Starts a proxy to PostgreSQL whose connections can be frozen, as when a network silently drops packets. */
async function startFreezingProxy(target: URL) {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(Number(target.port), target.hostname);
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    inner.pipe(outer).pipe(inner);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
