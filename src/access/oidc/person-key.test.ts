import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../../test/support/databases.ts';
import { hasAdminKey, listKeys, revokeKey, storeKey, generateKey } from '../keys.ts';
import type { Rights } from './find-rights.ts';
import { ensurePersonKey } from './person-key.ts';

const OPERATOR: Rights = { scopes: ['admin'], user: null, team: null };
const READER: Rights = { scopes: ['runs:read', 'approvals'], user: null, team: 'north' };

describe.each(DATABASE_KINDS)('the key of a person, on the %s database', (kind) => {
  let store: TestDatabase;

  beforeAll(async () => {
    store = await createTestDatabase(kind);
  });
  afterAll(() => store.remove());

  const ensure = (subject: string, rights: Rights, name = 'Ann') =>
    ensurePersonKey(store.database, { subject, name, rights });
  const keysOf = async (subject: string) =>
    (await listKeys(store.database, { limit: 200 })).keys.filter((key) => key.subject === subject);

  it('stays the same while the rights do, in any order, and follows the name', async () => {
    const id = await ensure('i ann', READER);
    expect(await ensure('i ann', { ...READER, scopes: ['approvals', 'runs:read'] }, 'Ann Lee')).toBe(id);
    expect(await keysOf('i ann')).toEqual([expect.objectContaining({ id, name: 'Ann Lee', revokedAt: null })]);
  });

  it('is replaced when the rights change', async () => {
    const first = await ensure('i bob', READER);
    const second = await ensure('i bob', { ...READER, team: 'south' });
    expect(second).not.toBe(first);
    const keys = await keysOf('i bob');
    expect(keys.map(({ id, revokedAt }) => [id, revokedAt === null])).toEqual([
      [second, true],
      [first, false],
    ]);
  });

  it('is one for concurrent sign-ins', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => ensure('i cid', READER)));
    expect(new Set(ids).size).toBe(1);
    expect(await keysOf('i cid')).toHaveLength(1);
  });

  it('does not count as an admin key that remains', async () => {
    await ensure('i dee', OPERATOR);
    expect(await hasAdminKey(store.database)).toBe(false);
    const { id } = await storeKey(store.database, { key: generateKey(), name: 'admin', scopes: ['admin'] });
    await expect(revokeKey(store.database, { id, actor: 'system' })).rejects.toMatchObject({ code: 'conflict' });
    const [ofDee] = await keysOf('i dee');
    expect(await revokeKey(store.database, { id: ofDee!.id, actor: 'system' })).toMatchObject({ id: ofDee!.id });
  });
});
