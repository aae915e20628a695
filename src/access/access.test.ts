import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { createLog } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { openAccess, type Access } from './access.ts';
import { generateKey, listKeys, revokeKey, storeKey } from './keys.ts';

describe.each(DATABASE_KINDS)('revoked keys, on the %s database', (kind) => {
  let store: TestDatabase;
  let database: Database;
  let servers: Access[];
  const log = createLog('error');

  beforeAll(async () => {
    store = await createTestDatabase(kind);
    ({ database } = store);
    // The last server receives no notification.
    const deaf: Database = { ...database, listen: () => Promise.resolve(() => Promise.resolve()) };
    servers = await Promise.all([database, database, deaf].map((on) => openAccess({ database: on, log })));
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await store.remove();
  });

  const makeKey = async () => {
    const key = generateKey();
    const { id } = await storeKey(database, { key, name: 'one', scopes: ['runs:read'] });
    return { key, id };
  };
  const aborted = (signal: AbortSignal) =>
    signal.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });

  it('end on every server at once, with their open streams', async () => {
    const { key, id } = await makeKey();
    const identities = await Promise.all(servers.map((server) => server.identify(key)));
    expect(identities.map(({ revoked }) => revoked.aborted)).toEqual([false, false, false]);
    const startedAt = performance.now();
    await revokeKey(database, { id, actor: 'system' });
    await Promise.all(identities.slice(0, 2).map(({ revoked }) => aborted(revoked)));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    for (const server of servers.slice(0, 2)) {
      await expect(server.identify(key)).rejects.toMatchObject({ code: 'unauthorized' });
    }
    await aborted(identities[2]!.revoked);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await expect(servers[2]!.identify(key)).rejects.toMatchObject({ code: 'unauthorized' });
  }, 15_000);

  it('are not brought back by a query in progress', async () => {
    const { key, id } = await makeKey();
    const looks = Array.from({ length: 20 }, () => servers[0]!.identify(key).catch(() => null));
    await revokeKey(database, { id, actor: 'system' });
    for (const identity of await Promise.all(looks)) if (identity !== null) await aborted(identity.revoked);
    await expect(servers[0]!.identify(key)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('end the tokens they have issued on every server, even a server that never saw the key', async () => {
    const { key, id } = await makeKey();
    const { caller } = await servers[0]!.identify(key);
    const expiresAt = new Date(Date.now() + 60_000);
    const token = await servers[0]!.issueToken({
      issuer: caller,
      user: 'ann',
      team: null,
      scopes: ['runs:read'],
      expiresAt,
    });
    const identity = await servers[1]!.identify(token);
    expect(identity.caller).toEqual({ kind: 'token', keyId: id, scopes: ['runs:read'], user: 'ann', team: null });
    await revokeKey(database, { id, actor: 'system' });
    await aborted(identity.revoked);
    await expect(servers[1]!.identify(token)).rejects.toMatchObject({
      message: expect.stringContaining('revoked') as string,
    });
  });

  it('leave one admin key, even when the last two are revoked at once', async () => {
    const admins = await Promise.all(
      [1, 2].map(() => storeKey(database, { key: generateKey(), name: 'admin', scopes: ['admin'] })),
    );
    const outcomes = await Promise.allSettled(admins.map(({ id }) => revokeKey(database, { id, actor: 'system' })));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
  });

  it('record their last use, to the minute, without a write for each use', async () => {
    const { key, id } = await makeKey();
    const readUse = async () =>
      (await listKeys(database, { limit: 200 })).keys.find((one) => one.id === id)!.lastUsedAt;
    expect(await readUse()).toBeNull();
    await servers[0]!.identify(key);
    await expect.poll(readUse).not.toBeNull();
    const first = await readUse();
    await servers[0]!.identify(key);
    await servers[1]!.identify(key);
    await servers[1]!.close();
    expect(await readUse()).toEqual(first);
    await sql`update longhaul.api_keys set last_used_at = now() - interval '2 minutes' where id = ${id}`.execute(
      database.sql,
    );
    await servers[2]!.identify(key);
    await expect.poll(async () => Date.now() - (await readUse())!.getTime()).toBeLessThan(60_000);
  });
});
