import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { generateKey, storeKey } from '../access/keys.ts';
import { createId } from '../core/ids.ts';
import { examine } from './examine.ts';
import { judgeSkew } from './checks/database.ts';
import { judge } from './doctor.fixture.ts';
import { ok, type Check } from './check.ts';
import { resolveConfig } from '../config/resolve.ts';

describe.each(DATABASE_KINDS)('the checks of the %s database', (kind) => {
  let test: TestDatabase;
  const inDatabase = (id: string, options: object = {}) => judge(id, { database: test.database, ...options });
  beforeAll(async () => {
    test = await createTestDatabase(kind);
  });
  afterAll(() => test.remove());

  it('find a database in order', async () => {
    for (const id of ['database', 'schema', 'connections', 'clock', 'encoding', 'notifications', 'audit-chain']) {
      expect(await inDatabase(id)).toMatchObject({ id, verdict: 'ok', mend: null });
    }
  });

  it('find a schema that is behind, or ahead', async () => {
    await sql`delete from longhaul.migrations where version = (select max(version) from longhaul.migrations)`.execute(
      test.database.sql,
    );
    expect(await inDatabase('schema')).toMatchObject({ verdict: 'failed' });
    await sql`insert into longhaul.migrations (version, name) values (9999, 'later')`.execute(test.database.sql);
    expect(await inDatabase('schema')).toMatchObject({
      verdict: 'failed',
      found: expect.stringContaining('9999') as string,
    });
    await sql`update longhaul.migrations set works_with = 38 where version = 9999`.execute(test.database.sql);
    expect(await inDatabase('schema')).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('9999') as string,
    });
  });

  it('count the admin keys by name', async () => {
    expect(await inDatabase('admin-keys')).toMatchObject({ verdict: 'failed' });
    const store = (name: string) => storeKey(test.database, { key: generateKey(), name, scopes: ['admin'] });
    await store('admin');
    expect(await inDatabase('admin-keys')).toMatchObject({ verdict: 'ok' });
    await store('admin');
    expect(await inDatabase('admin-keys')).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('admin') as string,
    });
  });

  it('find audit entries that nobody chains', async () => {
    await sql`insert into longhaul.audit (actor, action, subject, data, at)
      values ('system', 'queue.paused', 'x', '{}', now() - interval '1 hour')`.execute(test.database.sql);
    expect(await inDatabase('audit-chain')).toMatchObject({ verdict: 'failed' });
  });

  it('find that no worker is alive, that one leaves runs queued, and that versions differ', async () => {
    expect(await inDatabase('workers')).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining('No worker') as string,
    });
    const add = (version: string, holding: string | null) =>
      test.database.sql
        .insertInto('longhaul.workers')
        .values({
          id: createId(),
          host: 'elsewhere',
          pid: 7,
          version,
          slots: 4,
          containment: 'mount_namespace',
          agents: ['reader'],
          holding_reason: holding,
        })
        .execute();
    await add('1.0.0', null);
    expect(await inDatabase('workers')).toMatchObject({ verdict: 'ok' });
    await add('1.0.1', 'low memory');
    const found = await inDatabase('workers');
    expect(found).toMatchObject({ verdict: 'warning', found: expect.stringContaining('low memory') as string });
    expect(found.found).toContain('1.0.0, 1.0.1');
  });

  it.runIf(kind === 'postgres')('demand connections for every process', async () => {
    expect(await inDatabase('connections', { config: { database: { poolSize: 1_000 } } })).toMatchObject({
      verdict: 'failed',
    });
  });
});

describe('an examination', () => {
  const config = resolveConfig({ input: { agents: { reader: { tools: [] } } }, baseDir: '/', env: {} });
  const facts = { theme: 'agents', title: 'x', docs: 'docs/doctor.md' } as const;
  const checks: Check[] = [
    { ...facts, id: 'throws', examine: () => Promise.reject(new Error('no')) },
    { ...facts, id: 'hangs', examine: () => new Promise(() => {}) },
    { ...facts, id: 'fine', examine: () => ok('yes') },
  ];

  it('survives checks that throw or hang', async () => {
    const database = { reason: 'the server is away', isFailure: true };
    const { verdict, checks: results } = await examine({ config, env: {}, database, checks, timeoutMs: 50 });
    expect(results.map(({ verdict }) => verdict)).toEqual(['skipped', 'skipped', 'ok']);
    expect(verdict).toBe('ok');
    expect(await judge('database', { database })).toMatchObject({ verdict: 'failed', found: 'the server is away' });
    expect(await judge('schema', { database })).toMatchObject({ verdict: 'skipped' });
  });

  it.each([
    [5, 'ok'],
    [-3_000, 'warning'],
    [120_000, 'failed'],
  ] as const)('judges clocks that differ by %i ms as %s', (skew, verdict) => {
    expect(judgeSkew(skew).verdict).toBe(verdict);
  });
});
