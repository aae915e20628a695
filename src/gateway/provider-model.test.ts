import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGateway } from './gateway.ts';
import { isModelId, toProviderModel } from './provider-model.ts';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

describe('the model that is requested from a provider', () => {
  const models = { haiku: 'family', 'claude-haiku-4-5': 'name', 'claude-haiku-4-5-20251001': 'id', sonnet: 's' };

  it.each([
    ['claude-haiku-4-5-20251001', 'id'],
    ['claude-haiku-4-5', 'name'],
    ['claude-haiku-4-5-20300101', 'name'],
    ['claude-haiku-5-5', 'family'],
    ['claude-3-5-haiku-20241022', 'family'],
    ['haiku', 'family'],
    ['claude-sonnet-5[1m]', 's'],
    ['claude-opus-4-8', 'claude-opus-4-8'],
    ['eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['constructor', 'constructor'],
    ['', ''],
  ])('for %j is %j', (model, expected) => {
    expect(toProviderModel(model, models)).toBe(expected);
  });

  it.each(['', '.', '..', '../x', '/x', 'a b', 'a?b', 'a#b', 'a%2fb', 'a\nb', 'ä'])(
    'is never %j in a path',
    (model) => {
      expect(isModelId(model)).toBe(false);
    },
  );
});

describe('through a proxy that has its own names', () => {
  let upstream: TestUpstream;
  beforeEach(async () => {
    upstream = await startUpstream();
  });
  afterEach(() => upstream.close());

  it('only the name is replaced, and a body without one passes byte for byte', async () => {
    const gateway = await createGateway({
      providers: new Map([
        ['default', { upstream: { baseUrl: upstream.url, headers: {}, models: { opus: 'our-opus' } } }],
      ]),
      silenceMs: 10_000,
    });
    const { token } = gateway.openLane().open({ attemptId: 'a' });
    for (const model of ['claude-opus-4-8', 'claude-sonnet-5']) {
      const body = `{ "n":1.0, "model" : "${model}" ,"max_tokens":9}`;
      await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': token }, body });
    }
    await gateway.close();
    expect(upstream.seen.map(({ body }) => body.toString())).toEqual([
      '{ "n":1.0, "model" :"our-opus","max_tokens":9}',
      '{ "n":1.0, "model" : "claude-sonnet-5" ,"max_tokens":9}',
    ]);
  });
});
