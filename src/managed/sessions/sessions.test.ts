import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startManaged, type TestManaged } from '../managed.fixture.ts';

describe('sessions', () => {
  let test: TestManaged;
  beforeAll(async () => {
    test = await startManaged();
  });
  afterAll(() => test.close());

  it('are listed in both directions, by pages, agents and statuses', async () => {
    const client = test.clients['1.14'];
    const agent = await client.beta.agents.create({ name: 'One', model: 'claude-sonnet-4-5' });
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) {
      const { id } = await client.beta.sessions.create({ agent: agent.id, environment_id: 'env_default' });
      ids.unshift(id);
    }
    const other = await client.beta.sessions.create({ agent: 'agent_config_reader', environment_id: 'env_default' });
    const list = async (query: Parameters<typeof client.beta.sessions.list>[0]) => {
      const found: string[] = [];
      for await (const { id } of client.beta.sessions.list(query)) found.push(id);
      return found;
    };
    expect(await list({ agent_id: agent.id, limit: 2 })).toEqual(ids);
    expect(await list({ agent_id: agent.id, limit: 2, order: 'asc' })).toEqual(ids.toReversed());
    expect(await list({})).toEqual([other.id, ...ids]);
    expect(await list({ statuses: ['running'] })).toEqual([]);
    expect(await list({ statuses: ['idle', 'running'], limit: 3 })).toEqual([other.id, ...ids]);
    const first = await client.beta.sessions.list({ limit: 2 });
    expect(first.prev_page).toBeNull();
    const second = await client.beta.sessions.list({ limit: 2, page: first.next_page! });
    const back = await client.beta.sessions.list({ limit: 2, page: second.prev_page! });
    // Each answer says how old the sessions are.
    const idsOf = ({ data }: typeof first) => data.map(({ id }) => id);
    expect(idsOf(back)).toEqual(idsOf(first));
    expect(back.prev_page).toBeNull();
  });

  it('are made once by a request that the client repeats, and each time by a new request', async () => {
    const create = async (retries: number, title = 'Once') => {
      const body = JSON.stringify({ agent: 'agent_config_reader', environment_id: 'env_default', title });
      const headers = { 'x-stainless-retry-count': String(retries) };
      const response = await test.fetch('/v1/sessions', { method: 'POST', headers, body });
      return ((await response.json()) as { id: string }).id;
    };
    const first = await create(0);
    expect(await create(1)).toBe(first);
    expect(await create(2)).toBe(first);
    const second = await create(0);
    expect(second).not.toBe(first);
    expect(await create(1)).toBe(second);
    expect(await create(1, 'Another')).not.toBe(second);
    const [one, two] = await Promise.all([create(0, 'Slow'), create(1, 'Slow')]);
    expect(two).toBe(one);
  });

  it('are made, and the client is not told to repeat, when the answer cannot be kept', async () => {
    const { sql: connection } = test.database;
    await sql`alter table longhaul.managed_answers rename to away`.execute(connection);
    try {
      const body = JSON.stringify({ agent: 'agent_config_reader', environment_id: 'env_default' });
      expect((await test.fetch('/v1/sessions', { method: 'POST', body })).status).toBe(200);
      expect(test.lines.at(-1)).toMatchObject({ level: 'warn' });
    } finally {
      await sql`alter table longhaul.away rename to managed_answers`.execute(connection);
    }
  });

  it('are refused in words while clients may not define agents', async () => {
    const client = await test.restart({ managedAgents: undefined });
    await expect(client.beta.sessions.list()).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
      message: expect.stringContaining('managedAgents') as string,
    });
  });

  it('refuse what is too large, unknown or not supported', async () => {
    const post = async (body: unknown) => {
      const response = await test.fetch('/v1/sessions', { method: 'POST', body: JSON.stringify(body) });
      return { status: response.status, ...((await response.json()) as { error: object }).error };
    };
    const good = { agent: 'agent_config_reader', environment_id: 'env_default' };
    expect(await post({ ...good, title: 'x'.repeat(16 * 1_048_576) })).toMatchObject({ status: 413 });
    expect(await post({ ...good, colour: 'red' })).toMatchObject({ message: 'colour: is not a known field' });
    expect(await post({ ...good, vault_ids: ['vlt_1'] })).toMatchObject({
      status: 400,
      message: '`vault_ids` is not supported by Longhaul.',
      details: { error_code: 'not_supported', field: 'vault_ids' },
    });
    expect(await post({ ...good, colour: null, vault_ids: [] })).toMatchObject({ status: 200 });
    expect(await post({ ...good, agent: 'agent_nobody' })).toMatchObject({ status: 404, type: 'not_found_error' });
    const image = {
      type: 'user.message',
      content: [{ type: 'image', source: { type: 'url', url: 'https://example.com' } }],
    };
    expect(await post({ ...good, initial_events: [image] })).toMatchObject({
      details: { error_code: 'not_supported', field: 'initial_events[0].content[0].source.type' },
    });
    expect(await post({ ...good, initial_events: [{ type: 'user.interrupt' }] })).toMatchObject({ status: 400 });
  });
});
