import { expect, test } from 'vitest';
import { readDemand, type Demand } from './demand.ts';

const of = (body: object): Demand => readDemand({ ...body }, JSON.stringify(body).length);
const say = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
const base64 = (type: string, data: string) => ({ type, source: { type: 'base64', media_type: 'x', data } });

/** Demand of a plain request: read once, answered once, bounded by its bytes. */
const PLAIN = {
  isPromptOpen: false,
  isWindowRead: false,
  samplings: 1,
  answers: 1,
  servedBy: null,
  maxSearches: 0,
  isHourCached: false,
};

test('a request of Claude Code is bounded by its bytes', () => {
  const body = {
    model: 'claude-sonnet-4-5',
    system: [{ type: 'text', text: 'You are.', cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: 'Hello.' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm.', signature: 'abc' },
          {
            type: 'tool_use',
            id: '1',
            name: 'Read',
            input: { content: [{ type: 'document', source: { type: 'url' } }] },
          },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: '1', content: [{ type: 'text', text: 'x' }] }] },
    ],
    tools: [
      { name: 'Read', input_schema: { type: 'object' } },
      { type: 'custom', name: 'Mine', input_schema: {} },
      { type: 'bash_20250124', name: 'bash' },
      { type: 'text_editor_20250728', name: 'edit' },
      { type: 'computer_toolset_20260801', name: 'computer' },
    ],
    metadata: { user_id: '1' },
    max_tokens: 32_000,
    thinking: { type: 'enabled', budget_tokens: 4_000, display: 'updates' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'high' },
    mcp_servers: [],
    container: null,
    stream: true,
  };
  expect(of(body)).toMatchObject({ ...PLAIN, byteTokens: JSON.stringify(body).length + 1_000 });
});

test('a picture counts as the maximum for any model, whatever its size', () => {
  const picture = base64('image', 'x'.repeat(100_000));
  const body = say({ type: 'tool_result', content: [picture, { type: 'image', source: { type: 'url', url: 'u' } }] });
  const size = JSON.stringify(body).length;
  expect(of(body)).toMatchObject({ ...PLAIN, byteTokens: size - 100_000 + 10_000 + 1_000 });
});

test.each([
  ['a document by its address', say({ type: 'document', source: { type: 'url', url: 'https://example.com' } })],
  ['a document by its id', say({ type: 'document', source: { type: 'file', file_id: 'file_1' } })],
  ['a PDF, whose pages its bytes do not tell', say(base64('document', 'JVBERi0='))],
  ['one in what a tool found', say({ type: 'tool_result', content: [base64('document', 'JVBERi0=')] })],
  [
    'a document that was fetched before',
    say({
      type: 'web_fetch_tool_result',
      content: { type: 'web_fetch_result', content: base64('document', 'JVBERi0=') },
    }),
  ],
  ['a file for the container', say({ type: 'container_upload', file_id: 'file_1' })],
  ['a part that is new to us', say({ type: 'novelty' })],
  ['a member that is new to us', { ...say(), novelty: true }],
  ['a conversation that the provider holds', { ...say(), thread: { type: 'continue', previous_message_id: 'm' } }],
])('%s may fill the window', (_, body) => {
  expect(of(body)).toMatchObject({ ...PLAIN, isPromptOpen: true, isWindowRead: true });
});

test.each([
  ['text', { type: 'text', data: 'x' }],
  ['parts', { type: 'content', content: [{ type: 'text', text: 'x' }] }],
])('a document of %s does not', (_, source) => {
  expect(of(say({ type: 'document', source }))).toMatchObject(PLAIN);
});

test.each([
  [{ tools: [{ type: 'code_execution_20260521', name: 'c' }] }, 'code_execution_20260521'],
  [{ tools: [{ type: 'web_fetch_20250910', name: 'w' }] }, 'web_fetch_20250910'],
  [{ tools: [{ type: 'mcp_toolset', mcp_server_name: 'm' }] }, 'mcp_toolset'],
  [{ tools: [{ type: 'novelty_20270101', name: 'n' }] }, 'novelty_20270101'],
  [{ mcp_servers: [{ type: 'url', url: 'https://example.com', name: 'm' }] }, 'mcp_servers'],
  [{ container: { skills: [] } }, 'container'],
  [{ container: 'container_1' }, 'container'],
  [
    say({ type: 'tool_addition', tool: { definition: { type: 'web_fetch_20250910', name: 'w' } } }),
    'web_fetch_20250910',
  ],
])('with %j the provider continues by itself', (body, servedBy) => {
  expect(of(body)).toMatchObject({ servedBy, isWindowRead: true, samplings: 11, answers: 11 });
});

test('an advisor is another model that writes', () => {
  const tools = [{ type: 'advisor_20260301', name: 'advisor', model: 'claude-opus-4-1' }];
  expect(of({ tools })).toMatchObject({ servedBy: 'advisor_20260301', otherModels: ['claude-opus-4-1'] });
});

test('each search is read with everything before it', () => {
  const search = { type: 'web_search_20250305', name: 'web_search' };
  expect(of({ tools: [{ ...search, max_uses: 3 }] })).toMatchObject({
    servedBy: null,
    isPromptOpen: false,
    isWindowRead: true,
    samplings: 4,
    answers: 1,
    maxSearches: 3,
  });
  expect(of({ tools: [search] })).toMatchObject({ samplings: 11, maxSearches: 10 });
});

test('searchable tools are in the request, which is read again after each search', () => {
  const tools = [{ type: 'tool_search_tool_regex_20251119', name: 's' }];
  expect(of({ tools })).toMatchObject({ isWindowRead: false, servedBy: null, samplings: 11, answers: 1 });
});

test('a summary and each fallback read the request again, and write', () => {
  const edits = [{ type: 'compact_20260112' }, { type: 'clear_tool_uses_20250919' }];
  const fallbacks = [
    { model: 'a', max_tokens: 5 },
    { model: 'b', speed: 'fast' },
  ];
  expect(of({ context_management: { edits } })).toMatchObject({ samplings: 2, answers: 2 });
  expect(of({ compaction: { type: 'summarize' } })).toMatchObject({ samplings: 2, answers: 2 });
  expect(of({ fallbacks })).toMatchObject({
    samplings: 3,
    answers: 3,
    otherModels: ['a', 'b'],
    fallbackMaxTokens: 5,
    isFast: true,
  });
  expect(of({ fallbacks: 'default' })).toMatchObject({ samplings: 4, answers: 4, otherModels: [''] });
});

test.each([
  ['a part', say({ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }), true],
  ['a tool', { tools: [{ name: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] }, true],
  ['the request', { cache_control: { type: 'ephemeral', ttl: '2h' } }, true],
  [
    'a part, for five minutes',
    say({ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '5m' } }),
    false,
  ],
])('the longer cache is recognized on %s', (_, body, isHourCached) => {
  expect(of(body)).toMatchObject({ isHourCached });
});

test('a request of any depth and content is read', () => {
  let content: unknown = [{ type: 'document', source: { type: 'url' } }];
  for (let depth = 0; depth < 100_000; depth++) content = [{ type: 'tool_result', content }];
  expect(readDemand({ messages: [{ content }] }, 1)).toMatchObject({ isWindowRead: true });
  for (const odd of [null, 7, 'x', [null], [[]], [{ content: null }]]) {
    expect(
      readDemand({ messages: odd, system: odd, tools: odd, fallbacks: odd, context_management: odd }, 1).byteTokens,
    ).toBeGreaterThan(0);
  }
});
