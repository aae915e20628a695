import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL_PRICES } from '../../core/model-prices.ts';
import { CLIENT_VERSIONS, readAll, refusalOf, refusalsOf, startManaged, type TestManaged } from '../managed.fixture.ts';

describe('the models of the official client', () => {
  let test: TestManaged;
  beforeAll(async () => {
    test = await startManaged({ prices: { 'acme-large': { inputUsdPerMTok: 1, outputUsdPerMTok: 2 } } });
  });
  afterAll(() => test.close());

  it.each(CLIENT_VERSIONS)('are the models whose price is known, page by page: version %s', async (version) => {
    const client = test.clients[version];
    const known = [...MODEL_PRICES.keys(), 'acme-large'];
    for (const models of [client.models, client.beta.models]) {
      const first = await models.list({ limit: 4 });
      expect(first).toMatchObject({ has_more: true, first_id: known[0], last_id: known[3] });
      const all = await readAll(models.list({ limit: 4 }));
      expect(all.map(({ id }) => id)).toEqual(known);
      expect(await models.retrieve('claude-sonnet-4-5')).toEqual(all.find(({ id }) => id === 'claude-sonnet-4-5'));
    }
    // Backwards, page by page, each in the order of the list.
    const before = await readAll(client.models.list({ before_id: known[5]!, limit: 2 }));
    expect(before.map(({ id }) => id)).toEqual([3, 4, 1, 2, 0].map((place) => known[place]));
  });

  it('have the figures of the price list, and null for what nobody has told Longhaul', async () => {
    const client = test.clients['1.14'];
    expect(await client.beta.models.retrieve('claude-sonnet-4-5')).toEqual({
      id: 'claude-sonnet-4-5',
      type: 'model',
      display_name: 'Claude Sonnet 4.5',
      created_at: '1970-01-01T00:00:00.000Z',
      lifecycle: 'active',
      line: null,
      max_input_tokens: 200_000,
      max_tokens: null,
      capabilities: null,
      allowed_fallback_models: null,
      deprecated_at: null,
      retires_at: null,
    });
    expect(await client.models.retrieve('acme-large')).toMatchObject({
      id: 'acme-large',
      display_name: 'acme-large',
      max_input_tokens: null,
    });
  });

  it('are found by every name that an agent may have, and an alias by the model that it stands for', async () => {
    const client = test.clients['1.14'];
    expect((await client.models.retrieve('sonnet')).id).toBe('claude-sonnet-5-5');
    expect((await client.models.retrieve('claude-sonnet-4-5-20250929')).id).toBe('claude-sonnet-4-5-20250929');
    const profile = 'arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
    for (const id of [profile, 'sonnet']) {
      expect(await client.models.retrieve(id)).toMatchObject({ type: 'model' });
      await client.beta.agents.create({ name: 'One', model: id });
    }
    const unknown = await refusalOf(client.models.retrieve('gpt-9'));
    expect(unknown).toMatchObject({ status: 404, type: 'not_found_error' });
    expect(unknown.message).toContain('gpt-9');
  });

  it('are listed by their stage of life', async () => {
    const client = test.clients['1.14'];
    expect((await client.models.list({ lifecycle: ['retired'] })).data).toEqual([]);
    const listed = await client.models.list({ lifecycle: ['active', 'deprecated'], limit: 1_000 });
    expect(listed.data).toHaveLength(MODEL_PRICES.size + 1);
  });

  it('are refused with a page of no list, and to a key that may not read', async () => {
    const client = test.clients['1.14'];
    const refused = await refusalsOf([
      client.models.list({ after_id: 'gpt-9' }),
      client.models.list({ after_id: 'claude-opus-5', before_id: 'claude-opus-5' }),
      client.models.list({ limit: 1_001 }),
      client.models.list({ lifecycle: ['young' as 'active'] }),
    ]);
    expect(refused.map(({ status, message }) => [status, message.split(':')[0]])).toEqual([
      [400, 'after_id'],
      [400, 'before_id'],
      [400, 'limit'],
      [400, 'lifecycle'],
    ]);
    const blind = test.clientOf(await test.makeKey(['agents:write']));
    expect(await refusalOf(blind.models.list())).toMatchObject({ status: 403 });
  });

  it('are the models that the configuration names, and no others', async () => {
    const client = await test.restart({
      managedAgents: { template: 'managed', models: ['claude-opus-5', 'house-model'] },
    });
    expect((await readAll(client.models.list())).map(({ id }) => id)).toEqual(['claude-opus-5', 'house-model']);
    expect(await client.models.retrieve('house-model')).toMatchObject({ display_name: 'house-model' });
    expect(await refusalOf(client.models.retrieve('claude-sonnet-4-5'))).toMatchObject({ status: 404 });
    expect(await refusalOf(client.models.retrieve('opus'))).toMatchObject({ status: 404 });
  });
});
