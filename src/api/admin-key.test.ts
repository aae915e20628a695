import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/databases.ts';
import { ensureInProcessKey } from '../access/in-process-key.ts';
import { listKeys, revokeKey, storeKey } from '../access/keys.ts';
import { collectLog } from '../core/log.fixture.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import { adminKeyFile, ensureAdminKey } from './admin-key.ts';

const GIVEN = `lh_${'k'.repeat(40)}`;

describe('the first admin key', () => {
  let database: TestDatabase;
  let dataDir: string;

  beforeEach(async () => {
    database = await createTestDatabase('postgres');
    dataDir = await mkdtemp(path.join(tmpdir(), 'longhaul-key-'));
  });
  afterEach(async () => {
    await database.remove();
    await rm(dataDir, { recursive: true, force: true });
  });

  const ensure = (given: string | null = null, place = dataDir) => {
    const { log, lines } = collectLog();
    const made = ensureAdminKey(database.database, { dataDir: place, given, log });
    return made.then((key) => ({ key, lines }));
  };
  const keys = async () => (await listKeys(database.database, { limit: 10 })).keys;

  it('is created once, in a file that only its owner can read', async () => {
    const { key } = await ensure();
    const file = adminKeyFile(dataDir);
    expect((await readFile(file, 'utf8')).trim()).toBe(key);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await ensure()).key).toBeNull();
    expect(await keys()).toMatchObject([{ name: 'admin', scopes: ['admin'] }]);
  });

  it('is created only once by concurrent starts', async () => {
    const others = await Promise.all([1, 2, 3, 4].map(() => openPostgresDatabase({ url: database.url! })));
    const { log } = collectLog();
    const made = await Promise.all(
      others.map((other, index) =>
        other.exclusively(() => ensureAdminKey(other, { dataDir: path.join(dataDir, `${index}`), given: null, log })),
      ),
    );
    await Promise.all(others.map((other) => other.close()));
    expect(made.filter((key) => key !== null)).toHaveLength(1);
    expect(await keys()).toHaveLength(1);
  });

  it('is created even if the only keys are the in-process key and a key without the scope admin', async () => {
    await ensureInProcessKey(database.database);
    await storeKey(database.database, { key: `lh_${'a'.repeat(43)}`, name: 'application', scopes: ['runs:read'] });
    expect((await ensure()).key).not.toBeNull();
  });

  it('is not created when its file cannot be written, and the log says what to do', async () => {
    const file = path.join(dataDir, 'file');
    await writeFile(file, '');
    const { key, lines } = await ensure(null, file);
    expect(key).toBeNull();
    expect(await keys()).toEqual([]);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        text: expect.stringContaining('keys create admin --scope admin --database'),
      }),
    ]);
  });

  it('is the given key if there is one, stored once beside other keys, and never shown', async () => {
    await ensure();
    const { key, lines } = await ensure(GIVEN);
    expect(key).toBeNull();
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain(GIVEN);
    expect((await ensure(GIVEN)).lines).toEqual([]);
    expect(await keys()).toHaveLength(2);
  });

  it('stays revoked, and gets no missing scope, when it is given again', async () => {
    await ensure();
    const { id } = await storeKey(database.database, { key: GIVEN, name: 'x', scopes: ['admin'] });
    await revokeKey(database.database, { id, actor: 'test' });
    expect((await ensure(GIVEN)).lines).toMatchObject([{ level: 'warn', keyId: id }]);
    expect((await keys()).find((one) => one.id === id)?.revokedAt).not.toBeNull();
    const weak = `lh_${'w'.repeat(40)}`;
    await storeKey(database.database, { key: weak, name: 'weak', scopes: ['runs:read'] });
    expect((await ensure(weak)).lines).toMatchObject([{ level: 'warn', scopes: ['runs:read'] }]);
  });
});
