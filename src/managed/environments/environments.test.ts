import Anthropic, { BadRequestError, ConflictError, NotFoundError } from 'anthropic-1.14';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import type { Database } from '../../db/database.ts';
import {
  CLIENT_VERSIONS,
  readAll,
  refusalOf,
  refusalsOf,
  startManaged,
  type Refusal,
  type TestManaged,
} from '../managed.fixture.ts';
import { findEnvironment, holdEnvironment } from './environments.ts';

const { BetaEnvironmentArchivedError, BetaInvalidConfigTypeChangeError, BetaInvalidMetadataError } =
  Anthropic.Beta.Environments;

let managed: TestManaged;
let client: Anthropic;

beforeAll(async () => {
  managed = await startManaged();
  client = managed.clients['1.14'];
});
afterAll(() => managed.close());

let count = 0;
const create = (changes: object = {}) => client.beta.environments.create({ name: `env ${count++}`, ...changes });
const update = (id: string, change: object) => client.beta.environments.update(id, change);

const cloud = {
  type: 'cloud',
  networking: { type: 'unrestricted' },
  packages: { type: 'packages', apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
};

describe.each(CLIENT_VERSIONS)('environments with the client %s', (version) => {
  it('are created, read, changed, listed, archived and deleted', async () => {
    const { environments } = managed.clients[version].beta;
    const created = await environments.create({ name: version });
    expect(created['_request_id']).toMatch(/^req_[a-z2-7]{26}$/);
    expect(created).toEqual({
      id: expect.stringMatching(/^env_[a-z2-7]{26}$/),
      type: 'environment',
      name: version,
      description: null,
      config: cloud,
      metadata: {},
      scope: 'organization',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: created.created_at,
      archived_at: null,
    });
    expect(await environments.retrieve(created.id)).toEqual(created);
    const changed = await environments.update(created.id, { description: 'For tests' });
    expect(changed).toEqual({ ...created, description: 'For tests', updated_at: expect.any(String) });
    expect(await readAll(environments.list())).toContainEqual(changed);
    const archived = await environments.archive(created.id);
    expect(archived).toEqual({ ...changed, archived_at: expect.any(String), updated_at: archived.archived_at });
    expect(await readAll(environments.list())).not.toContainEqual(archived);
    expect(await readAll(environments.list({ include_archived: true }))).toContainEqual(archived);
    expect(await environments.delete(created.id)).toEqual({ id: created.id, type: 'environment_deleted' });
    expect(await refusalOf(client.beta.environments.retrieve(created.id))).toMatchObject({ status: 404 });
  });
});

describe('an environment', () => {
  it('may be sent again as it was answered', async () => {
    const created = await create({ config: { type: 'cloud', packages: { pip: [] } }, metadata: { a: '1' } });
    const { id, name, description, config, metadata, scope } = created;
    expect(config).toEqual(cloud);
    expect(await update(id, { name, description, config, metadata, scope })).toEqual(created);
  });

  it('keeps what a change leaves out, and merges metadata', async () => {
    const { id } = await create({ description: 'x', metadata: { a: '1', b: '2', c: '3' } });
    const changed = await update(id, { metadata: { a: null, b: '', d: '4' }, name: null, config: null });
    expect(changed).toMatchObject({ description: 'x', metadata: { c: '3', d: '4' }, config: cloud });
    expect(await update(id, { description: '' })).toMatchObject({ description: '' });
    expect(await update(id, { description: null })).toMatchObject({ description: null });
  });

  it('has a unique name, as long as it is not archived', async () => {
    const first = await create({ name: 'taken' });
    const second = await create();
    for (const refusal of await refusalsOf([
      create({ name: 'taken' }),
      update(second.id, { name: 'taken' }),
      create({ name: 'default' }),
    ])) {
      expect(refusal.error).toBeInstanceOf(ConflictError);
      expect(refusal).toMatchObject({ status: 409, type: 'conflict_error' });
    }
    expect(await update(first.id, { name: 'taken' })).toEqual(first);
    await client.beta.environments.archive(first.id);
    expect(await update(second.id, { name: 'taken' })).toMatchObject({ name: 'taken' });
  });

  it.each([
    ['no name', { name: undefined }, 'name: must be a text of 1 to 256 characters'],
    ['an unknown field', { colour: 'red' }, 'colour: is not a known field'],
    ['an unknown field of its config', { config: { type: 'cloud', cpus: 2 } }, 'config.cpus: is not a known field'],
    ['an unknown type', { config: { type: 'edge' } }, 'config.type: must have the type "cloud"'],
    ['packages that are no list', { config: { type: 'cloud', packages: { apt: 'git' } } }, 'config.packages.apt: must'],
  ])('with %s is refused', async (_, changes, message) => {
    const refusal = await refusalOf(create(changes));
    expect(refusal.error).toBeInstanceOf(BadRequestError);
    expect(refusal.message).toContain(message);
  });

  it.each([
    ['config.networking', { config: { type: 'cloud', networking: { type: 'limited', allowed_hosts: [] } } }],
    ['config.packages.pip', { config: { type: 'cloud', packages: { pip: ['pandas'] } } }],
    ['config.packages.apt', { config: { type: 'cloud', packages: { type: 'packages', apt: ['git'], npm: [] } } }],
    ['config.type', { config: { type: 'self_hosted' } }],
    ['scope', { scope: 'account' }],
  ])('is refused when Longhaul cannot keep %s', async (field, changes) => {
    const refusal = await refusalOf(create(changes));
    expect(refusal).toMatchObject({ status: 400, type: 'invalid_request_error', code: 'not_supported', field });
    if (field === 'config.type') return;
    const { id } = await create();
    expect(await refusalOf(update(id, changes))).toMatchObject({ code: 'not_supported', field });
  });

  it('cannot change its type', async () => {
    const { id } = await create();
    const { error } = await refusalOf(update(id, { config: { type: 'self_hosted' } }));
    expect(error).toBeInstanceOf(BetaInvalidConfigTypeChangeError);
  });

  it('has limited metadata', async () => {
    const { error } = await refusalOf(create({ metadata: { a: 'x'.repeat(513) } }));
    expect(error).toBeInstanceOf(BetaInvalidMetadataError);
  });

  it('stays as it is when it is archived', async () => {
    const { id } = await create();
    const archived = await client.beta.environments.archive(id);
    expect((await refusalOf(update(id, { name: 'x' }))).error).toBeInstanceOf(BetaEnvironmentArchivedError);
    expect(await client.beta.environments.archive(id)).toEqual(archived);
  });

  it('is deleted only when no session refers to it', async () => {
    const { id } = await create();
    const { sql } = managed.database;
    const sessionId = await insertSession(sql, id);
    const refusal = await refusalOf(client.beta.environments.delete(id));
    expect(refusal).toMatchObject({ status: 400, type: 'invalid_request_error' });
    expect(refusal.message).toContain('has sessions');
    await sql.deleteFrom('longhaul.managed_sessions').where('id', '=', sessionId).execute();
    expect(await client.beta.environments.delete(id)).toMatchObject({ type: 'environment_deleted' });
  });

  it('is recorded in the audit record', async () => {
    const { id, name } = await create();
    await update(id, { description: 'x' });
    await update(id, { description: 'x' });
    await client.beta.environments.archive(id);
    await client.beta.environments.delete(id);
    const entries = await managed.database.sql
      .selectFrom('longhaul.audit')
      .select(['actor', 'action', 'data'])
      .where('subject', '=', id)
      .orderBy('id')
      .execute();
    expect(entries.map(({ action }) => action)).toEqual(
      ['created', 'updated', 'archived', 'deleted'].map((verb) => `environment.${verb}`),
    );
    expect(entries[0]).toMatchObject({ actor: expect.stringMatching(/^key:/), data: JSON.stringify({ name }) });
  });

  it('that does not exist is not found', async () => {
    const { environments } = client.beta;
    for (const id of ['env_nothing', `env_${'a'.repeat(26)}`, 'x']) {
      for (const refusal of await refusalsOf([
        environments.retrieve(id),
        environments.update(id, { name: 'unused' }),
        environments.archive(id),
        environments.delete(id),
      ])) {
        expect(refusal.error).toBeInstanceOf(NotFoundError);
        expect(refusal.type).toBe('not_found_error');
      }
    }
  });

  it('is read with runs:read and written with agents:write', async () => {
    const { id } = await create();
    const reader = managed.clientOf(await managed.makeKey(['runs:read'])).beta.environments;
    expect((await reader.retrieve(id)).id).toBe(id);
    expect((await reader.list()).data).not.toEqual([]);
    for (const refusal of await refusalsOf([
      reader.create({ name: 'a' }),
      reader.update(id, {}),
      reader.archive(id),
      reader.delete(id),
    ])) {
      expect(refusal).toMatchObject({ status: 403, type: 'permission_error' });
    }
    const writer = managed.clientOf(await managed.makeKey(['agents:write'])).beta.environments;
    expect(await writer.update(id, { description: 'mine' })).toMatchObject({ description: 'mine' });
    expect(await refusalOf(writer.retrieve(id))).toMatchObject({ status: 403 });
  });
});

describe('the default environment', () => {
  it('always exists as it is', async () => {
    const { environments } = client.beta;
    const environment = await environments.retrieve('env_default');
    expect(environment).toMatchObject({ id: 'env_default', name: 'default', config: cloud, archived_at: null });
    for (const refusal of await refusalsOf([
      environments.update('env_default', { name: 'mine' }),
      environments.update('env_default', { name: 'default' }),
      environments.archive('env_default'),
      environments.delete('env_default'),
    ])) {
      expect(refusal).toMatchObject({ status: 400, type: 'invalid_request_error' });
    }
  });

  it('is the last of the list, whatever the size of its pages', async () => {
    const made = [await create(), await create(), await create()].map(({ id }) => id).reverse();
    const all = (await readAll(client.beta.environments.list({ limit: 100 }))).map(({ id }) => id);
    expect(all.slice(0, 3)).toEqual(made);
    expect(all.at(-1)).toBe('env_default');
    for (const limit of [1, 2, all.length - 1, all.length]) {
      const pages = await readAll(client.beta.environments.list({ limit }));
      expect(pages.map(({ id }) => id)).toEqual(all);
    }
    for (const params of [{ limit: 0 }, { limit: 101 }, { page: 'page_x' }]) {
      expect(await refusalOf(client.beta.environments.list(params))).toMatchObject({ status: 400 });
    }
  });
});

describe('the environment of a session', () => {
  it('is found, also within a transaction that holds it', async () => {
    const { id } = await create();
    const { database } = managed;
    expect(await findEnvironment(database, id)).toEqual({ id, isArchived: false });
    expect(await findEnvironment(database, 'env_default')).toEqual({ id: 'env_default', isArchived: false });
    await client.beta.environments.archive(id);
    const hold = (id: string) => database.sql.transaction().execute((trx) => holdEnvironment(trx, id));
    expect(await hold(id)).toEqual({ id, isArchived: true });
    expect(await hold('env_default')).toEqual({ id: 'env_default', isArchived: false });
    expect(await hold('env_nothing')).toBeNull();
  });
});

describe.each(DATABASE_KINDS)('two requests for environments at once (%s)', (kind) => {
  let raced: TestManaged;

  beforeAll(async () => {
    raced = await startManaged({}, kind);
  });
  afterAll(() => raced.close());

  it('get a name only once', async () => {
    const { environments } = raced.clients['1.14'].beta;
    const results = await Promise.allSettled([1, 2].map(() => environments.create({ name: 'one' })));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find((result) => result.status === 'rejected')?.reason).toBeInstanceOf(ConflictError);
  });

  it('keep an environment in which a session is being created', async () => {
    const { environments } = raced.clients['1.14'].beta;
    const { id } = await environments.create({ name: 'busy' });
    let deletion: Promise<Refusal> | undefined;
    await raced.database.sql.transaction().execute(async (trx) => {
      expect(await holdEnvironment(trx, id)).toEqual({ id, isArchived: false });
      deletion = refusalOf(environments.delete(id));
      await insertSession(trx, id);
    });
    expect((await deletion)?.message).toContain('has sessions');
  });
});

/** Inserts a session that refers to an environment, without anything else. */
async function insertSession(db: Database['sql'], environmentId: string): Promise<string> {
  const id = createId();
  await db.insertInto('longhaul.sessions').values({ id, agent: 'managed' }).execute();
  const row = { agent_id: 'agent_x', agent_version: 1, agent: '{}', definition: null, title: null, metadata: '{}' };
  const values = { ...row, id, environment_id: environmentId, archived_at: null };
  await db.insertInto('longhaul.managed_sessions').values(values).execute();
  return id;
}
