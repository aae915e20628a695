import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createPostgresDatabase } from '../../test/support/databases.ts';
import { startPostgresServer, type PostgresServer } from '../../test/support/postgres-server.ts';
import type { Database } from './database.ts';
import { isDatabaseAway } from './is-database-away.ts';
import { createPostgresPool } from './postgres-pool.ts';
import { openPostgresDatabase } from './postgres.ts';
import { NO_TIME_LIMITS } from './prepare-session.ts';

const pidOf = async (database: Database) =>
  (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.sql)).rows[0]!.pid;

describe('connections to a server that no longer accepts writes', () => {
  let server: PostgresServer;
  let database: Database;
  beforeAll(async () => {
    server = await startPostgresServer();
    database = await openPostgresDatabase({ url: server.url });
    await sql`create table public.kept (value int)`.execute(database.sql);
  });
  afterAll(async () => {
    await database.close();
    await server.close();
  });

  const setReadOnly = async (value: 'on' | 'off') => {
    await server.query(`alter system set default_transaction_read_only = ${value}`);
    await server.query('select pg_reload_conf()');
    // A connection sees the change with its next statement.
    await expect
      .poll(async () => (await server.query('show default_transaction_read_only'))[0])
      .toEqual({ default_transaction_read_only: value });
  };
  const write = () => sql`insert into public.kept values (1)`.execute(database.sql);

  it('are all closed at the first rejected write, and reopened when the server accepts writes', async () => {
    const pids = await Promise.all(Array.from({ length: 5 }, () => pidOf(database)));
    await setReadOnly('on');
    await expect(write()).rejects.toMatchObject({ code: '25006' });
    await expect(write()).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('takes no writes') as string,
    });
    await setReadOnly('off');
    await write();
    const again = await Promise.all(Array.from({ length: 5 }, () => pidOf(database)));
    expect(again.filter((pid) => pids.includes(pid))).toEqual([]);
  });

  it('are not opened when a process starts, which gets the reason', async () => {
    await setReadOnly('on');
    await expect(openPostgresDatabase({ url: server.url })).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('default_transaction_read_only is on') as string,
    });
    await setReadOnly('off');
  });
});

describe('the connections of a process', () => {
  let postgres: { url: string; drop: () => Promise<void> };
  beforeAll(async () => {
    postgres = await createPostgresDatabase({ isEmpty: true });
  });
  afterAll(() => postgres.drop());

  it('are waited for within a limit, then the request is rejected with the time to retry', async () => {
    const database = await openPostgresDatabase({ url: postgres.url, poolSize: 5, waitForConnectionMs: 500 });
    const one = await database.sql.startTransaction().execute();
    const two = await database.sql.startTransaction().execute();
    await Promise.all([sql`select 1`.execute(one), sql`select 1`.execute(two)]);
    await expect(pidOf(database)).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    const served = pidOf(database);
    await one.rollback().execute();
    expect(await served).toBeGreaterThan(0);
    await two.rollback().execute();
    await database.close();
  });

  it('are closed when nothing needs them, except those to keep', async () => {
    const pool = createPostgresPool({
      connection: { connectionString: postgres.url, connectionTimeoutMillis: 5_000, application_name: 'kept' },
      max: 5,
      kept: 2,
      idleMs: 100,
      silenceMs: 0,
      epoch: { current: 0 },
      onError: () => {},
      ...NO_TIME_LIMITS,
    });
    const count = async () =>
      (await sql`select from pg_stat_activity where application_name = 'kept'`.execute(observer.sql)).rows.length;
    const observer = await openPostgresDatabase({ url: postgres.url });
    await Promise.all(Array.from({ length: 4 }, () => pool.query('select pg_sleep(0.2)')));
    expect(await count()).toBe(4);
    await expect.poll(count).toBe(2);
    await delay(300);
    expect(await count()).toBe(2);
    await Promise.all([pool.end(), observer.close()]);
  });

  it('are not held by a statement that waits for a lock: the server gives it up, and nothing is left behind', async () => {
    const stranger = await openPostgresDatabase({ url: postgres.url });
    const database = await openPostgresDatabase({ url: postgres.url, poolSize: 5, silenceMs: 1_000 });
    await sql`create table public.held (value int)`.execute(stranger.sql);
    const before = await pidOf(database);
    const locking = await stranger.sql.startTransaction().execute();
    await sql`lock table public.held`.execute(locking);

    const write = sql`insert into public.held values (1)`.execute(database.sql);
    const error: unknown = await write.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: '55P03' });
    expect(isDatabaseAway(error)).toBe(true);
    const { rows: waiting } =
      await sql`select pid from pg_locks where relation = 'public.held'::regclass and not granted`.execute(
        stranger.sql,
      );
    expect(waiting).toEqual([]);

    await locking.rollback().execute();
    await sql`insert into public.held values (2)`.execute(database.sql);
    expect(await pidOf(database)).toBe(before);
    expect((await sql`select value from public.held`.execute(stranger.sql)).rows).toEqual([{ value: 2 }]);
    await Promise.all([database.close(), stranger.close()]);
  });

  it('are not held by a statement that never ends, except those of maintenance', async () => {
    const database = await openPostgresDatabase({ url: postgres.url, poolSize: 5, silenceMs: 1_000 });
    const before = await pidOf(database);
    await expect(sql`select pg_sleep(60)`.execute(database.sql)).rejects.toMatchObject({ code: '57014' });
    expect(await pidOf(database)).toBe(before);
    await sql`select pg_sleep(1.2)`.execute(database.patientSql);
    await database.close();
  });

  it('are as many as the server allows: a request beyond them waits for one of those', async () => {
    const role = `few_${randomUUID().slice(0, 8)}`;
    const url = new URL(postgres.url);
    await asOwner(`create role ${role} login password 'few' connection limit 3`);
    [url.username, url.password] = [role, 'few'];
    const database = await openPostgresDatabase({ url: url.href, poolSize: 14 });
    const pids = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid, pg_sleep(0.02)`.execute(
          database.sql,
        );
        return rows[0]!.pid;
      }),
    );
    expect(new Set(pids).size).toBe(3);
    await database.close();
    await asOwner(`drop role ${role}`);
  });

  it('are refused with advice when the server grants none', async () => {
    const role = `none_${randomUUID().slice(0, 8)}`;
    const url = new URL(postgres.url);
    await asOwner(`create role ${role} login password 'none' connection limit 0`);
    [url.username, url.password] = [role, 'none'];
    await expect(openPostgresDatabase({ url: url.href })).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringMatching(
        /grants no more connections: too many connections for role .*database\.poolSize/,
      ) as string,
    });
    await asOwner(`drop role ${role}`);
  });
});

async function asOwner(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${inject('postgresUrl')}/postgres` });
  await client.connect();
  await client.query(statement);
  await client.end();
}
