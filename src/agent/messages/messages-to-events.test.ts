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

test('a streamed block and the whole block have the same name', () => {
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

const begin = (id: string) => stream({ type: 'message_start', message: { id, model: 'm' } });
const beginBlock = (index: number, type = 'text') =>
  stream({ type: 'content_block_start', index, content_block: { type } });
const say = (index: number, text: string) =>
  stream({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } });
const endBlock = (index: number) => stream({ type: 'content_block_stop', index });
/** Ends a response; a broken response ends without a reason, as Claude Code reports it. */
const stop = (reason: string | null) => [
  ...(reason === null ? [] : [stream({ type: 'message_delta', delta: { stop_reason: reason } })]),
  stream({ type: 'message_stop' }),
];
/** A whole streamed block of text, as Claude Code reports it: the message about it comes before its end. */
const wholeText = (id: string, index: number, text: string) => [
  beginBlock(index),
  say(index, text),
  assistant([{ type: 'text', text }], id),
  endBlock(index),
];
const thought = (id: string, index: number) => [
  beginBlock(index, 'thinking'),
  assistant([{ type: 'thinking', thinking: 'hm' }], id),
  endBlock(index),
];
const textsOf = (...messages: unknown[]) =>
  toEvents(...messages).events.flatMap((event) =>
    event.type.startsWith('agent.text')
      ? [[event.type.slice('agent.text'.length), ...Object.values(event.data as object)]]
      : [],
  );

test('a block that ends without being added to the conversation is abandoned', () => {
  const broken = [begin('a'), beginBlock(0), say(0, 'Half a '), endBlock(0), ...stop(null)];
  expect(textsOf(...broken, begin('b'), ...wholeText('b', 0, 'Half a block.'))).toEqual([
    ['.delta', 'Half a ', 'a:0'],
    ['.abandoned', 'a:0'],
    ['.delta', 'Half a block.', 'b:0'],
    ['', 'Half a block.', 'b:0'],
  ]);
});

test('a block without an end is abandoned when something follows it', () => {
  const open = [begin('a'), beginBlock(0), say(0, 'Half')];
  const abandoned = ['.abandoned', 'a:0'];
  expect(textsOf(...open, ...stop(null)).at(-1)).toEqual(abandoned);
  expect(textsOf(...open, begin('b')).at(-1)).toEqual(abandoned);
  expect(textsOf(...open, beginBlock(1)).at(-1)).toEqual(abandoned);
  expect(textsOf(...open)).toHaveLength(1);
});

test('a text that was cut off by its length is continued by the next text, despite invisible blocks between them', () => {
  const first = [begin('a'), ...wholeText('a', 0, 'The first half, '), ...stop('max_tokens')];
  const second = [begin('b'), ...thought('b', 0), ...wholeText('b', 1, 'the second.'), ...wholeText('b', 2, 'More.')];
  expect(textsOf(...first, ...second)).toEqual([
    ['.delta', 'The first half, ', 'a:0'],
    ['', 'The first half, ', 'a:0'],
    ['.delta', 'the second.', 'b:1', true],
    ['', 'the second.', 'b:1', true],
    ['.delta', 'More.', 'b:2'],
    ['', 'More.', 'b:2'],
  ]);
  const broken = [begin('b'), beginBlock(0), say(0, 'the se'), endBlock(0), ...stop(null)];
  expect(textsOf(...first, ...broken, begin('c'), ...wholeText('c', 0, 'the second.')).at(-1)).toEqual([
    '',
    'the second.',
    'c:0',
    true,
  ]);
});

test.each([
  ['whose stream broke right behind it', true, stop(null)],
  ['that the context window ended', true, stop('model_context_window_exceeded')],
  ['that came to its end', false, stop('end_turn')],
  ['behind which another block was begun', false, [beginBlock(1), say(1, 'An'), endBlock(1), ...stop(null)]],
  ['behind which a tool use was begun', false, [beginBlock(1, 'tool_use'), ...stop(null)]],
])('a text %s is continued: %s', (_, isContinued, rest) => {
  const texts = textsOf(begin('a'), ...wholeText('a', 0, 'One.'), ...rest, begin('b'), ...wholeText('b', 0, 'Two.'));
  expect(texts.at(-1)).toEqual(['', 'Two.', 'b:0', ...(isContinued ? [true] : [])]);
});

test('a text after a tool use continues nothing', () => {
  const use = assistant([{ type: 'tool_use', id: 't', name: 'Read', input: {} }], 'a');
  const texts = textsOf(begin('a'), ...wholeText('a', 0, 'Let me look.'), use, ...stop('max_tokens'), begin('b'));
  expect(texts.at(-1)).toEqual(['', 'Let me look.', 'a:0']);
  const messages = [begin('a'), ...wholeText('a', 0, 'So.'), use, ...stop('max_tokens'), begin('b'), say(0, 'It')];
  expect(textsOf(...messages).at(-1)).toEqual(['.delta', 'It', 'b:0']);
});

test('the first text continues a conversation that ends in the middle of a text', () => {
  const mapper = createMessageMapper({ isCutOff: true });
  const said = [begin('a'), ...wholeText('a', 0, 'the rest.')].flatMap((message) => mapper.toEvents(message));
  expect(said.at(-1)?.data).toEqual({ text: 'the rest.', blockId: 'a:0', isContinuation: true });
});

test('a whole text of a subagent continues nothing', () => {
  const one = assistant([{ type: 'text', text: 'One.' }], 's1', 'toolu_9');
  const two = assistant([{ type: 'text', text: 'Two.' }], 's2', 'toolu_9');
  expect(toEvents(one, two).events.at(-1)?.data).not.toHaveProperty('isContinuation');
});

test('texts that Claude Code retracts are abandoned, and another model is reported once', () => {
  const change = {
    type: 'system',
    subtype: 'model_refusal_fallback',
    original_model: 'claude-fable-5',
    fallback_model: 'claude-opus-4-8',
    api_refusal_category: 'cyber',
    retracted_message_uuids: ['u1', 'unknown'],
  };
  const refused = { ...assistant([{ type: 'text', text: 'I can' }], 'a'), uuid: 'u1' };
  const instead = { ...assistant([{ type: 'text', text: 'Here.' }], 'b'), uuid: 'u2', supersedes: ['u1'] };
  const { events } = toEvents(refused, change, instead, change);
  expect(events).toEqual([
    { type: 'agent.text', data: { text: 'I can', blockId: 'a:0' } },
    { type: 'agent.text.abandoned', data: { blockId: 'a:0' } },
    {
      type: 'agent.model_changed',
      data: { from: 'claude-fable-5', to: 'claude-opus-4-8', reason: 'refusal', category: 'cyber' },
    },
    { type: 'agent.text', data: { text: 'Here.', blockId: 'b:0' } },
  ]);
  expect(toEvents(refused, instead).events.map(({ type }) => type)).toEqual([
    'agent.text',
    'agent.text.abandoned',
    'agent.text',
  ]);
});

test('two responses with the same id from the provider are kept apart', () => {
  const { events, mapper } = toEvents(
    begin('a'),
    ...wholeText('a', 0, 'One.'),
    ...stop('end_turn'),
    begin('a'),
    ...wholeText('a', 0, 'Two.'),
  );
  const ids = events.flatMap((event) => (event.type === 'agent.text' ? [event.data.blockId] : []));
  expect(new Set(ids).size).toBe(2);
  expect(mapper.turns).toBe(2);
});

test("the stop reason of the main loop's last answer is known", () => {
  const { mapper } = toEvents(
    begin('a'),
    ...stop('max_tokens'),
    stream({ type: 'message_start', message: { id: 's', model: 'm' } }, 'toolu_9'),
    stream({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }, 'toolu_9'),
  );
  expect(mapper.stopReason).toBe('max_tokens');
  mapper.toEvents(begin('b'));
  expect(mapper.stopReason).toBeNull();
});

test('blocks without a stream are numbered in their order', () => {
  const { events } = toEvents(assistant([{ type: 'text', text: 'a' }]), assistant([{ type: 'text', text: 'b' }]));
  expect(events.map((event) => event.data)).toMatchObject([{ blockId: 'msg_1:0' }, { blockId: 'msg_1:1' }]);
});

test("the text of a subagent is kept apart from the main loop's text at the same time", () => {
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

test('a long tool result is cut, never in the middle of a character', () => {
  const { events } = toEvents(toolResult('x'.repeat(7_999) + '😀'.repeat(10)));
  expect(events[0]?.data).toEqual({
    toolUseId: 'toolu_1',
    isError: false,
    content: 'x'.repeat(7_999),
    isTruncated: true,
  });
});

test('parts of a tool result that are not text are named', () => {
  const { events } = toEvents(
    toolResult([
      { type: 'text', text: 'Here:' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA'.repeat(100) } },
      { type: 'novelty' },
    ]),
  );
  expect(events[0]?.data).toMatchObject({ content: 'Here:\n[image: image/png, 300 bytes]\n[novelty]' });
});

test('characters that a database cannot store are replaced, wherever the model puts them', () => {
  const { events } = toEvents(
    assistant([{ type: 'text', text: 'a\0b\uD800' }]),
    assistant([{ type: 'tool_use', id: 'x', name: 'Write', input: { 'k\0': ['\uDC00', { deep: '\0' }] } }]),
    toolResult('\0'),
    { type: 'brand_new', text: '\0' },
  );
  expect(JSON.stringify(events)).not.toMatch(/\\u0000|\\ud800|\\udc00/i);
});

test('a message of an unknown type is kept unchanged', () => {
  const message = { type: 'system', subtype: 'novelty', from: 'a', to: 'b' };
  expect(toEvents(message).events).toEqual([{ type: 'agent.other', data: { message } }]);
});

test("Claude Code's own progress is dropped", () => {
  const noise = [{ type: 'system', subtype: 'status' }, { type: 'keep_alive' }, { type: 'result' }];
  expect(toEvents(...noise).events).toEqual([]);
});

test('the made-up text for a failed model call is for the outcome, not for watchers', () => {
  const failed = { ...assistant([{ type: 'text', text: 'API Error: 500 at 10.0.0.7' }]), error: 'server_error' };
  const { events, mapper } = toEvents(failed);
  expect(events).toEqual([]);
  expect(mapper.assistantError).toBe('server_error');
  expect(mapper.turns).toBe(0);
});

test('a retry and a denial have their own types', () => {
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
