import { expect, test } from 'vitest';
import { useGatewayBench } from './gateway.fixture.ts';

const bench = useGatewayBench();
const { open, post } = bench;

const say = (...content: unknown[]) => ({ max_tokens: 10, messages: [{ role: 'user', content }] });
const atUrl = (type: string) => ({ type, source: { type: 'url', url: 'https://away.example/x' } });

const WAYS = {
  'an MCP server': { ...say(), mcp_servers: [{ type: 'url', url: 'https://away.example', name: 'away' }] },
  'a tool that fetches': { ...say(), tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] },
  'a tool that is added later': say({
    type: 'tool_addition',
    tool: { definition: { type: 'web_fetch_20260209', name: 'web_fetch' } },
  }),
  'a tool that we do not know': { ...say(), tools: [{ type: 'code_execution_20250825' }, { type: 'mail_20270101' }] },
  'a picture of the web': say(atUrl('image')),
  'a document in a result': say({ type: 'tool_result', tool_use_id: '1', content: [atUrl('document')] }),
};
const SEARCH = { ...say(), tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }] };

test.for(Object.entries(WAYS))('a sandbox is not left through the provider by %s', async ([, body]) => {
  for (const reach of ['none', 'searches'] as const) {
    open({ reach });
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const response = await post(body, { path });
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('which its sandbox does not allow');
    }
  }
  expect(bench.upstream.seen).toEqual([]);
  open({});
  await (await post(body)).text();
  expect(bench.upstream.seen).toHaveLength(1);
});

test('the provider searches only for an agent that has the tool for it', async () => {
  open({ reach: 'none' });
  expect((await post(SEARCH)).status).toBe(400);
  open({ reach: 'searches' });
  await (await post(SEARCH)).text();
  expect(bench.upstream.seen).toHaveLength(1);
});

test('a sandbox takes nothing from a request that stays with the provider', async () => {
  open({ reach: 'none' });
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
  const use = { type: 'tool_use', id: '1', name: 'Read', input: { source: { type: 'url' }, mcp_servers: [1] } };
  const tools = [{ name: 'Bash', input_schema: {} }, { type: 'code_execution_20250825' }, { type: 'advisor_20260301' }];
  await (await post({ ...say(picture, use), tools, mcp_servers: [] })).text();
  expect(bench.upstream.seen).toHaveLength(1);
});
