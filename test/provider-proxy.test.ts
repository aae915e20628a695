import { expect, it } from 'vitest';
import { startForwardProxy } from '../src/gateway/forward-proxy.fixture.ts';
import { say, startScriptedModel, startTestLonghaul, turn } from '../src/testing/index.ts';

it('reaches a provider through HTTP_PROXY with the headers of an AI gateway, which the agent does not see', async () => {
  const model = await startScriptedModel({ script: () => turn(say('through the proxy')) });
  const proxy = await startForwardProxy(Number(new URL(model.url).port));
  const longhaul = await startTestLonghaul({
    config: { agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } } },
    env: {
      ANTHROPIC_BASE_URL: 'http://gateway.test/anthropic/..',
      HTTP_PROXY: proxy.url,
      NO_PROXY: 'other.test',
      ANTHROPIC_CUSTOM_HEADERS: 'X-Gateway-Key: gateway-key',
    },
  });
  try {
    const { id } = await longhaul.client.submit({ agent: 'teller', prompt: 'Hello' });
    expect(await longhaul.client.run(id, { waitSeconds: 60 })).toMatchObject({
      status: 'succeeded',
      result: 'through the proxy',
    });
    expect(proxy.passed.length).toBeGreaterThan(0);
    for (const { target } of proxy.passed) expect(target).toMatch(/^http:\/\/gateway\.test\/v1\/messages/);
    expect(model.requests[0]?.headers['x-gateway-key']).toBe('gateway-key');
    expect(longhaul.model.requests).toEqual([]);
  } finally {
    await longhaul.stop();
    await proxy.close();
    await model.close();
  }
});
