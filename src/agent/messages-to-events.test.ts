import { expect, test } from 'vitest';
import { createMessageMapper } from './messages-to-events.ts';

function toEvents(...messages: unknown[]) {
  const mapper = createMessageMapper();
  return { mapper, events: messages.flatMap((message) => mapper.toEvents(message)) };
}

const stream = (event: object, parent: string | null = null) => ({
  type: 'stream_event',
  event,
  parent_tool_use_id: parent,
});
const assistant = (content: unknown, id = 'msg_1', parent: string | null = null) => ({
  type: 'assistant',
  message: { id, model: 'm', content },
  parent_tool_use_id: parent,
});
const toolResult = (content: unknown) => ({
  type: 'user',
  message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content }] },
  parent_tool_use_id: null,
});

test('a streamed block and the whole one have the same name', () => {
  const { events } = toEvents(
    stream({ type: 'message_start', message: { id: 'msg_1', model: 'm' } }),
    stream({ type: 'content_block_start', index: 0, content_block: { type: 'thinking' } }),
    assistant([{ type: 'thinking', thinking: 'hm' }]),
    stream({ type: 'content_block_stop', index: 0 }),
    stream({ type: 'content_block_start', index: 1, content_block: { type: 'text' } }),
    stream({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'He' } }),
    stream({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'llo' } }),
    assistant([{ type: 'text', text: 'Hello' }]),
    stream({ type: 'content_block_stop', index: 1 }),
  );
  expect(events).toEqual([
    { type: 'agent.thinking', data: { text: 'hm' } },
    { type: 'agent.text.delta', data: { text: 'He', blockId: 'msg_1:1' } },
    { type: 'agent.text.delta', data: { text: 'llo', blockId: 'msg_1:1' } },
    { type: 'agent.text', data: { text: 'Hello', blockId: 'msg_1:1' } },
  ]);
});

test('blocks that were not streamed are numbered as they come', () => {
  const { events } = toEvents(assistant([{ type: 'text', text: 'a' }]), assistant([{ type: 'text', text: 'b' }]));
  expect(events.map((event) => event.data)).toMatchObject([{ blockId: 'msg_1:0' }, { blockId: 'msg_1:1' }]);
});

test('what a sub-agent says is kept apart from what the main loop says at the same time', () => {
  const { events, mapper } = toEvents(
    stream({ type: 'message_start', message: { id: 'main', model: 'm' } }),
    stream({ type: 'message_start', message: { id: 'sub', model: 'm' } }, 'toolu_9'),
    stream({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } }),
    stream({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'b' } }, 'toolu_9'),
  );
  expect(events.map((event) => event.data)).toEqual([
    { text: 'a', blockId: 'main:0' },
    { text: 'b', blockId: 'sub:0', parentToolUseId: 'toolu_9' },
  ]);
  expect(mapper.turns).toBe(1);
});

test('tokens are reported once for each answer, the last count of each class', () => {
  const { events } = toEvents(
    stream({
      type: 'message_start',
      message: { id: 'a', model: 'm', usage: { input_tokens: 5, output_tokens: 1, cache_read_input_tokens: 7 } },
    }),
    stream({ type: 'message_delta', delta: {}, usage: { output_tokens: 40 } }),
    stream({ type: 'message_stop' }),
  );
  expect(events).toEqual([
    {
      type: 'agent.usage',
      data: { model: 'm', inputTokens: 5, outputTokens: 40, cacheReadTokens: 7, cacheCreationTokens: 0 },
    },
  ]);
});

test('tool uses are counted once each, by the name of the tool', () => {
  const use = (id: string, name: string) => assistant([{ type: 'tool_use', id, name, input: { a: 1 } }], `m${id}`);
  const { mapper, events } = toEvents(use('1', 'Read'), use('2', 'Bash'), use('3', 'Read'), use('3', 'Read'));
  expect(mapper.toolUses).toEqual({ Read: 2, Bash: 1 });
  expect(events[0]).toEqual({ type: 'agent.tool_use', data: { toolUseId: '1', name: 'Read', input: { a: 1 } } });
});

test('a tool named like a property of every object is counted too', () => {
  const { mapper } = toEvents(assistant([{ type: 'tool_use', id: '1', name: 'constructor', input: {} }]));
  expect(mapper.toolUses).toEqual({ constructor: 1 });
});

test('a long result of a tool is cut, never in the middle of a character', () => {
  const { events } = toEvents(toolResult('x'.repeat(7_999) + '😀'.repeat(10)));
  expect(events[0]?.data).toEqual({
    toolUseId: 'toolu_1',
    isError: false,
    content: 'x'.repeat(7_999),
    isTruncated: true,
  });
});

test('what is no text in a result of a tool is named', () => {
  const { events } = toEvents(
    toolResult([
      { type: 'text', text: 'Here:' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA'.repeat(100) } },
      { type: 'novelty' },
    ]),
  );
  expect(events[0]?.data).toMatchObject({ content: 'Here:\n[image: image/png, 300 bytes]\n[novelty]' });
});

test('what a database cannot hold is replaced, wherever the model puts it', () => {
  const { events } = toEvents(
    assistant([{ type: 'text', text: 'a\0b\uD800' }]),
    assistant([{ type: 'tool_use', id: 'x', name: 'Write', input: { 'k\0': ['\uDC00', { deep: '\0' }] } }]),
    toolResult('\0'),
    { type: 'brand_new', text: '\0' },
  );
  expect(JSON.stringify(events)).not.toMatch(/\\u0000|\\ud800|\\udc00/i);
});

test('a message without a type here is kept as it came', () => {
  const message = { type: 'system', subtype: 'model_fallback', from: 'a', to: 'b' };
  expect(toEvents(message).events).toEqual([{ type: 'agent.other', data: { message } }]);
});

test("Claude Code's own progress is dropped", () => {
  const noise = [{ type: 'system', subtype: 'status' }, { type: 'keep_alive' }, { type: 'result' }];
  expect(toEvents(...noise).events).toEqual([]);
});

test("the words that stand for a failed call of the model are the outcome's, not the watcher's", () => {
  const failed = { ...assistant([{ type: 'text', text: 'API Error: 500 at 10.0.0.7' }]), error: 'server_error' };
  const { events, mapper } = toEvents(failed);
  expect(events).toEqual([]);
  expect(mapper.assistantError).toBe('server_error');
  expect(mapper.turns).toBe(0);
});

test('a retry and a refusal have their own types', () => {
  const { events } = toEvents(
    {
      type: 'system',
      subtype: 'api_retry',
      attempt: 1,
      max_retries: 3,
      retry_delay_ms: 512.7,
      error_status: null,
      error: 'unknown',
    },
    { type: 'system', subtype: 'permission_denied', tool_use_id: 't', tool_name: 'Bash', message: 'no' },
  );
  expect(events).toEqual([
    { type: 'agent.api_retry', data: { attempt: 1, maxRetries: 3, delayMs: 513, status: null, error: 'unknown' } },
    { type: 'agent.permission_denied', data: { toolUseId: 't', name: 'Bash', message: 'no' } },
  ]);
});

test('no message, however broken, throws', () => {
  const cyclic: Record<string, unknown> = { type: 'odd' };
  cyclic['self'] = cyclic;
  const garbage = [
    null,
    undefined,
    7,
    'text',
    [],
    {},
    { type: 7 },
    { type: 'system' },
    { type: 'system', subtype: 'init', tools: 'none' },
    { type: 'assistant' },
    { type: 'assistant', message: { content: [null, 7, { type: 'text' }, { type: 'tool_use' }] } },
    { type: 'stream_event', event: null },
    stream({ type: 'content_block_delta' }),
    stream({ type: 'message_start' }),
    stream({ type: 'content_block_delta', delta: { type: 'text_delta', text: 5 } }),
    { type: 'user', message: { content: 'words' } },
    cyclic,
  ];
  expect(() => toEvents(...garbage)).not.toThrow();
});
