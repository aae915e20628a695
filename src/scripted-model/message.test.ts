import Anthropic from '@anthropic-ai/sdk';
import { afterEach, expect, test } from 'vitest';
import { say, think, useServerTool, useTool } from './blocks.ts';
import { callModel, readEvents } from '../../test/support/call-model.ts';
import type { Script, ScriptedModel } from './scripted-model.ts';
import { startScriptedModel } from './scripted-model.ts';
import { failMidStream, turn } from './turns.ts';

let model: ScriptedModel | undefined;
afterEach(async () => {
  await model?.close();
  model = undefined;
});

async function start(script: Script): Promise<string> {
  model = await startScriptedModel({ script });
  return model.url;
}

const USAGE = { inputTokens: 10, outputTokens: 20, cacheReadTokens: 30, cacheCreationTokens: 40 };

test('a streamed answer has the events of the API, in their order', async () => {
  const url = await start([turn(say('Good day', { chunks: ['Good ', 'day'] }), { usage: USAGE })]);
  const events = await readEvents(callModel(url, { stream: true }));
  const usage = {
    input_tokens: 10,
    cache_read_input_tokens: 30,
    cache_creation_input_tokens: 40,
    cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 0 },
    service_tier: 'standard',
  };
  expect(events).toEqual([
    {
      type: 'message_start',
      message: {
        id: expect.stringMatching(/^msg_01/) as string,
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-4-5',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...usage, output_tokens: 1 },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Good ' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'day' } },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { ...usage, output_tokens: 20 },
    },
    { type: 'message_stop' },
  ]);
});

test.each([true, false])("Anthropic's own client reads every kind of block (stream: %s)", async (isStreamed) => {
  const url = await start([
    [think('Hm. 🤔'), say('Let me see. 👀'), useTool('Read', { file_path: '/a "b"' }), useTool('LS')],
  ]);
  const client = new Anthropic({ baseURL: url, apiKey: 'dummy', authToken: null, maxRetries: 0 });
  const request = { model: 'm', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
  const message = await (isStreamed ? client.messages.stream(request).finalMessage() : client.messages.create(request));
  expect(message).toMatchObject({
    role: 'assistant',
    stop_reason: 'tool_use',
    content: [
      { type: 'thinking', thinking: 'Hm. 🤔', signature: expect.stringMatching(/./) as string },
      { type: 'text', text: 'Let me see. 👀' },
      { type: 'tool_use', name: 'Read', input: { file_path: '/a "b"' } },
      { type: 'tool_use', name: 'LS', input: {} },
    ],
  });
  const ids = message.content.map((block) => (block.type === 'tool_use' ? block.id : null));
  expect(ids[2]).toMatch(/^toolu_01/);
  expect(ids[2]).not.toBe(ids[3]);
});

test.each([true, false])('a refused answer has the reason, as in the API (stream: %s)', async (isStreamed) => {
  const stopDetails = { category: 'cyber', explanation: 'It looks like an attack.' };
  const url = await start([turn(say('I can'), { stopReason: 'refusal', stopDetails })]);
  const client = new Anthropic({ baseURL: url, apiKey: 'dummy', authToken: null, maxRetries: 0 });
  const request = { model: 'm', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
  const message = await (isStreamed ? client.messages.stream(request).finalMessage() : client.messages.create(request));
  expect(message).toMatchObject({ stop_reason: 'refusal', stop_details: { type: 'refusal', ...stopDetails } });
});

test('an answer can stop within its last block, which then has no end', async () => {
  const error = { type: 'overloaded_error', message: 'Overloaded' };
  const url = await start([failMidStream([say('Whole.'), say('Half of')], error, { midBlock: true })]);
  const events = await readEvents(callModel(url, { stream: true }));
  expect(events.map(({ type, index }) => [type, index]).slice(2)).toEqual([
    ['content_block_start', 0],
    ['content_block_delta', 0],
    ['content_block_stop', 0],
    ['content_block_start', 1],
    ['content_block_delta', 1],
    ['error', undefined],
  ]);
});

test('a tool that runs at the provider is used without waiting for its result', async () => {
  const url = await start([[say('Let me search.'), useServerTool('web_search', { query: 'x' })]]);
  expect(await (await callModel(url)).json()).toMatchObject({
    stop_reason: 'end_turn',
    content: [
      { type: 'text' },
      {
        type: 'server_tool_use',
        id: expect.stringMatching(/^srvtoolu_01/) as string,
        name: 'web_search',
        input: { query: 'x' },
      },
    ],
  });
});

test('given usage is reported unchanged, with 0 for the rest', async () => {
  const url = await start([turn(say('x'), { usage: { outputTokens: 200_000 }, stopReason: 'max_tokens' })]);
  expect(await (await callModel(url)).json()).toMatchObject({
    stop_reason: 'max_tokens',
    usage: { input_tokens: 0, output_tokens: 200_000, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
  });
});

test('other usage is estimated from the sizes of request and answer, the same every time', async () => {
  const url = await start([say('x'.repeat(400))]);
  const system = 's'.repeat(398);
  const first = [{ role: 'user', content: 'Hello' }];
  const second = [...first, { role: 'assistant', content: 'Well' }, { role: 'user', content: 'Go on' }];
  const usages = [];
  for (const messages of [first, second, second]) {
    usages.push(((await (await callModel(url, { system, messages })).json()) as { usage: unknown }).usage);
  }
  expect(usages[0]).toMatchObject({ output_tokens: 101, cache_creation_input_tokens: 100, cache_read_input_tokens: 0 });
  expect(usages[1]).toMatchObject({ output_tokens: 101, cache_creation_input_tokens: 0, cache_read_input_tokens: 100 });
  expect(usages[2]).toEqual(usages[1]);
});

test('text is streamed in the given number of pieces, without half characters', async () => {
  const text = '🙂é→'.repeat(40);
  const url = await start([say(text, { chunks: 77 })]);
  const events = await readEvents(callModel(url, { stream: true }));
  const pieces = events.flatMap((event) => (event['delta'] as { text?: string } | undefined)?.text ?? []);
  expect(pieces).toHaveLength(77);
  expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
  expect(pieces.join('')).toBe(text);
});

test.each([0, -1, 2.5, Number.NaN])('%s pieces are rejected', (chunks) => {
  expect(() => say('Good day', { chunks })).toThrow('above 0');
});

test('an empty text is an empty block', async () => {
  const url = await start([say('')]);
  expect(await (await callModel(url)).json()).toMatchObject({ content: [{ type: 'text', text: '' }] });
});

test('pieces that do not add up to the text are rejected', () => {
  expect(() => say('Good day', { chunks: ['Good', 'day'] })).toThrow('do not add up');
});

test('an answer of two thousand pieces takes only milliseconds', async () => {
  const url = await start([say('word '.repeat(2000), { chunks: 2000 })]);
  await readEvents(callModel(url, { stream: true }));
  const startedAt = performance.now();
  const events = await readEvents(callModel(url, { stream: true }));
  // Generous for a busy machine; alone it takes about 15 ms, mostly to parse.
  expect(performance.now() - startedAt).toBeLessThan(500);
  expect(events).toHaveLength(2006);
});

test('a slow answer waits before the first byte, and between pieces', async () => {
  const url = await start([
    turn(say('one two three', { chunks: ['one ', 'two ', 'three'], chunkDelayMs: 40 }), { firstByteDelayMs: 100 }),
  ]);
  for (const stream of [true, false]) {
    const startedAt = performance.now();
    await (await callModel(url, { stream })).text();
    // A timer may fire a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThan(175);
  }
});
