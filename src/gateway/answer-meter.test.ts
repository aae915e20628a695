import { describe, expect, test } from 'vitest';
import { createAnswerMeter } from './answer-meter.ts';
import type { AnswerUsage } from './answer-usage.ts';
import { messageStart, sse, textDelta, wholeStream } from './upstream.fixture.ts';

const STREAM = 'text/event-stream; charset=utf-8';

function read(chunks: readonly Uint8Array[], { contentType = STREAM, isWhole = true, request = {} } = {}) {
  const usages: AnswerUsage[] = [];
  const errors: string[] = [];
  const excesses: string[] = [];
  const meter = createAnswerMeter({
    contentType,
    request: { model: 'asked-for', isFast: false, isUsOnly: false, isLongContext: false, ...request },
    onUsage: (usage) => usages.push(usage),
    onError: (data) => errors.push(data),
    onExcess: (excess) => excesses.push(excess),
  });
  for (const chunk of chunks) meter.push(chunk);
  meter.end(isWhole);
  return { usages, errors, excesses, last: usages.at(-1) };
}

const whole: AnswerUsage = {
  model: 'claude-sonnet-4-5-20250929',
  inputTokens: 1_000,
  outputTokens: 500,
  cacheReadTokens: 10_000,
  cacheCreationTokens: 3_000,
  cacheCreation1hTokens: 2_000,
  thinkingTokens: null,
  webSearches: 2,
  isFast: false,
  isUsOnly: false,
  isLongContext: false,
  isEstimated: false,
};

test('a stream is read the same wherever it is cut into chunks', () => {
  const bytes = Buffer.from(wholeStream);
  for (let at = 0; at <= bytes.length; at++) {
    expect(read([bytes.subarray(0, at), bytes.subarray(at)]).last).toEqual(whole);
  }
  expect(read([...bytes].map((byte) => Buffer.from([byte]))).last).toEqual(whole);
});

test('a stream reports its usage twice: at its beginning and with the final count', () => {
  expect(read([Buffer.from(wholeStream)]).usages.map((usage) => usage.outputTokens)).toEqual([1, 500]);
});

test('line ends may be CR LF, and other events and comments are ignored', () => {
  const stream = `: hello\n\n${sse('something_new', { usage: { output_tokens: 9 } })}data: not json\n\n${wholeStream}`;
  expect(read([Buffer.from(stream.replaceAll('\n', '\r\n'))]).last).toEqual(whole);
});

test('a stream that breaks before its final count is counted with an estimate of its text', () => {
  const stream = messageStart + textDelta('x'.repeat(400)) + textDelta('half an ev').slice(0, -9);
  expect(read([Buffer.from(stream)], { isWhole: false }).last).toEqual({
    ...whole,
    outputTokens: 100,
    webSearches: 0,
    isEstimated: true,
  });
});

test('a stream that breaks after its final count, or before it began, needs no estimate', () => {
  const stream = wholeStream.slice(0, -5);
  expect(read([Buffer.from(stream)], { isWhole: false }).last).toEqual(whole);
  expect(read([Buffer.from(sse('ping'))], { isWhole: false }).usages).toEqual([]);
});

test('an error within a stream is reported', () => {
  const error = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
  expect(read([Buffer.from(messageStart + error)]).errors).toHaveLength(1);
});

test('counts that make no sense change nothing', () => {
  const odd = sse('message_delta', { usage: { output_tokens: -5, input_tokens: 'many', server_tool_use: 7 } });
  expect(read([Buffer.from(wholeStream + odd + sse('message_delta', { usage: null }))]).last).toEqual(whole);
});

test('an answer that is not streamed is read from its JSON', () => {
  const json = JSON.stringify({ model: 'claude-opus-4-8', usage: { input_tokens: 7, output_tokens: 8 } });
  const { last } = read([Buffer.from(json)], { contentType: 'application/json' });
  expect(last).toMatchObject({ model: 'claude-opus-4-8', inputTokens: 7, outputTokens: 8, isEstimated: false });
});

test('the thinking part of an answer is read if the provider reports it', () => {
  const details = { output_tokens_details: { thinking_tokens: 300 } };
  const counted = sse('message_delta', { usage: { output_tokens: 500, ...details } });
  expect(read([Buffer.from(messageStart + counted)]).last).toMatchObject({ outputTokens: 500, thinkingTokens: 300 });
  const json = JSON.stringify({ usage: { input_tokens: 7, output_tokens: 500, ...details } });
  expect(read([Buffer.from(json)], { contentType: 'application/json' }).last).toMatchObject({ thinkingTokens: 300 });
});

test('an answer that cannot be read is estimated by its size', () => {
  const { last } = read([Buffer.alloc(400)], { contentType: '' });
  expect(last).toMatchObject({ model: 'asked-for', outputTokens: 100, isEstimated: true });
});

test('an answer whose usage is null is estimated by its size', () => {
  const json = JSON.stringify({ model: 'claude-opus-4-8', content: [], usage: null });
  const { last } = read([Buffer.from(json)], { contentType: 'application/json' });
  expect(last).toMatchObject({ outputTokens: Math.ceil(json.length / 4), isEstimated: true, isInputUnknown: true });
});

test.each([
  [12.5, 13],
  [1e11, 1e10],
  ['1e400', 1e10],
  [-1, 500],
  ['"500000"', 500],
  ['null', 500],
  ['[1]', 500],
])('a count of %s is taken as %i, or left unchanged', (count, expected) => {
  const absurd = `event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":${count}}}\n\n`;
  expect(read([Buffer.from(wholeStream + absurd)]).last).toEqual({ ...whole, outputTokens: expected });
});

test('a block is limited by its bound, measured by its content and not by its encoding', () => {
  const block = (count: number) => [
    sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...Array.from({ length: count }, () => textDelta('x'.repeat(100_000))),
    sse('content_block_stop', { index: 0 }),
  ];
  const bytes = (parts: string[]) => parts.map((part) => Buffer.from(part));
  expect(read(bytes([messageStart, ...block(10), ...block(10)])).excesses).toEqual([]);
  expect(read(bytes([messageStart, ...block(11)])).excesses).toEqual(['a block of more than 1000000 characters']);
});

const start = (usage: object, model = 'claude-sonnet-4-5') => sse('message_start', { message: { model, usage } });
const stop = (usage: object, reason = 'end_turn') => sse('message_delta', { delta: { stop_reason: reason }, usage });
const block = (content: object, ...deltas: object[]) =>
  sse('content_block_start', { index: 0, content_block: content }) +
  deltas.map((delta) => sse('content_block_delta', { index: 0, delta })).join('');
const blockStop = sse('content_block_stop', { index: 0 });

test.each([
  ['as 0', { input_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, output_tokens: 500 }],
  ['not at all', { output_tokens: 500 }],
  ['as null', { input_tokens: null, cache_read_input_tokens: null, server_tool_use: null, output_tokens: 500 }],
  ['without its parts', { output_tokens: 500, cache_creation: { ephemeral_1h_input_tokens: 0 } }],
])('a count %s at the end of a stream keeps the value from its beginning', (_, usage) => {
  const begun = messageStart.replace(
    '"output_tokens":1',
    '"output_tokens":1,"server_tool_use":{"web_search_requests":2}',
  );
  expect(read([Buffer.from(begun + stop(usage))]).last).toEqual(whole);
});

test.each([
  ['no usage', undefined],
  ['an input of 0', { input_tokens: 0, output_tokens: 1 }],
])('a beginning with %s says nothing about the input, which the end may report', (_, usage) => {
  const begun =
    sse('message_start', { message: { model: 'm', usage } }) + block({ type: 'text' }, { text: 'x'.repeat(40) });
  const { usages } = read([Buffer.from(begun + stop({ input_tokens: 9_000, output_tokens: 500 }))]);
  expect(usages).toMatchObject([{ inputTokens: 9_000, outputTokens: 500, isEstimated: false }]);
  expect(usages[0]).not.toHaveProperty('isInputUnknown');
  const { last } = read([Buffer.from(begun)], { isWhole: false });
  expect(last).toMatchObject({ outputTokens: 10, isEstimated: true, isInputUnknown: true });
});

test.each([
  ['no usage', undefined],
  ['an input of 0', { input_tokens: 0, output_tokens: 1 }],
])('a stream that begins with %s and never reports its input is not free of it', (_, usage) => {
  const begun = sse('message_start', { message: { model: 'm', usage } });
  const { last } = read([
    Buffer.from(begun + block({ type: 'text' }, { text: 'x'.repeat(40) }) + stop({ output_tokens: 9 })),
  ]);
  expect(last).toMatchObject({ outputTokens: 9, isEstimated: true, isInputUnknown: true });
  const json = JSON.stringify({ model: 'm', content: [{ type: 'text', text: 'x' }], usage: { output_tokens: 9 } });
  const { last: whole } = read([Buffer.from(json)], { contentType: 'application/json' });
  expect(whole).toMatchObject({ outputTokens: 9, isEstimated: true, isInputUnknown: true });
});

test('an answer whose output is never counted is counted by its text', () => {
  const text = block({ type: 'text' }, { text: 'x'.repeat(40) }) + blockStop;
  const counted = { ...whole, outputTokens: 10, webSearches: 0, isEstimated: true };
  expect(read([Buffer.from(messageStart + text + stop({}))]).last).toEqual(counted);
  const { last } = read([Buffer.from(text + sse('message_stop'))]);
  expect(last).toMatchObject({ model: 'asked-for', outputTokens: 10, isEstimated: true, isInputUnknown: true });
  const json = JSON.stringify({ content: [{ type: 'text', text: 'x' }], usage: { input_tokens: 7, output_tokens: 0 } });
  const { last: notStreamed } = read([Buffer.from(json)], { contentType: 'application/json' });
  expect(notStreamed).toMatchObject({ inputTokens: 7, outputTokens: Math.ceil(json.length / 4), isEstimated: true });
});

test('the end of a stream counts the input that the provider read after its beginning', () => {
  const end = stop({ input_tokens: 9_000, cache_creation_input_tokens: 4_000, output_tokens: 500 });
  expect(read([Buffer.from(messageStart + end)]).last).toMatchObject({
    inputTokens: 9_000,
    cacheCreationTokens: 4_000,
  });
});

test('writes to the cache are for an hour if none was for five minutes', () => {
  const split = { ephemeral_1h_input_tokens: 10, ephemeral_5m_input_tokens: 0 };
  const usage = { cache_creation_input_tokens: 30, cache_creation: split };
  expect(read([Buffer.from(start(usage))]).last).toMatchObject({ cacheCreation1hTokens: 30 });
  const both = { ...usage, cache_creation: { ...split, ephemeral_5m_input_tokens: 20 } };
  expect(read([Buffer.from(start(both))]).last).toMatchObject({ cacheCreation1hTokens: 10 });
});

test.each([
  [{}, {}, { isFast: false, isUsOnly: false }],
  [{ isFast: true, isUsOnly: true }, {}, { isFast: true, isUsOnly: true }],
  [
    { isFast: true, isUsOnly: true },
    { speed: 'standard', inference_geo: 'global' },
    { isFast: false, isUsOnly: false },
  ],
  [{}, { speed: 'fast', inference_geo: 'us' }, { isFast: true, isUsOnly: true }],
])('asked for %j, and answered %j, an answer is billed as %j', (request, usage, expected) => {
  expect(read([Buffer.from(start({ input_tokens: 1, ...usage }))], { request }).last).toMatchObject(expected);
});

describe('a refusal', () => {
  const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };

  test('before the first word is not billed', () => {
    const refusal = stop({ output_tokens: 1 }, 'refusal');
    expect(read([Buffer.from(messageStart + refusal)]).last).toMatchObject({ ...none, isEstimated: false });
    const json = {
      model: 'm',
      content: [],
      stop_reason: 'refusal',
      usage: { input_tokens: 100_000, output_tokens: 1 },
    };
    expect(read([Buffer.from(JSON.stringify(json))], { contentType: 'application/json' }).last).toMatchObject(none);
  });

  test.each([
    ['an empty text', { type: 'text', text: '' }, [{ text: '' }]],
    ['the mark of a fallback', { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } }, []],
  ])('after %s alone is not billed', (_, content, deltas) => {
    const refusal = block(content, ...deltas) + blockStop + stop({ output_tokens: 1 }, 'refusal');
    expect(read([Buffer.from(messageStart + refusal)]).last).toMatchObject(none);
    const json = {
      model: 'm',
      content: [content],
      stop_reason: 'refusal',
      usage: { input_tokens: 9, output_tokens: 1 },
    };
    expect(read([Buffer.from(JSON.stringify(json))], { contentType: 'application/json' }).last).toMatchObject(none);
  });

  test('in the middle of an answer is', () => {
    const refusal = block({ type: 'text', text: '' }, { text: 'Well' }) + stop({ output_tokens: 9 }, 'refusal');
    expect(read([Buffer.from(messageStart + refusal)]).last).toMatchObject({ inputTokens: 1_000, outputTokens: 9 });
    const content = [{ type: 'text', text: 'Well' }];
    const json = { model: 'm', content, stop_reason: 'refusal', usage: { input_tokens: 100_000, output_tokens: 1 } };
    const { last } = read([Buffer.from(JSON.stringify(json))], { contentType: 'application/json' });
    expect(last).toMatchObject({ inputTokens: 100_000 });
  });
});

describe('a stream that breaks off', () => {
  const brokenAfter = (...events: string[]) =>
    read([Buffer.from(messageStart + events.join(''))], { isWhole: false }).last;

  test('counts the searches that were begun, and the results that were read', () => {
    const search =
      block({ type: 'server_tool_use', name: 'web_search' }, { partial_json: '{"query":"x"}' }) + blockStop;
    const found = { type: 'web_search_tool_result', content: [{ encrypted_content: 'x'.repeat(4_000) }] };
    const result = block(found) + blockStop;
    const tokens = JSON.stringify(found).length / 4;
    expect(brokenAfter(search)).toMatchObject({ webSearches: 1, inputTokens: 1_000, isEstimated: true });
    // Each time everything is read again: the prompt of 14,000, and the results so far.
    const inputTokens = 1_000 + Math.ceil(2 * 14_000 + 3 * tokens);
    expect(brokenAfter(search, result, search, result)).toMatchObject({ webSearches: 2, inputTokens });
  });

  test.each([
    [
      'by what the provider says of it',
      [
        { thinking: '', estimated_tokens: 50 },
        { thinking: '', estimated_tokens: 150 },
      ],
      200,
    ],
    ['by its signature', [{ thinking: '' }, { signature: 'x'.repeat(1_600) }], 300],
    ['by its text, where it is shown', [{ thinking: 'x'.repeat(2_000) }, { signature: 'x'.repeat(1_600) }], 500],
  ])('counts thinking %s', (_, deltas, outputTokens) => {
    const thinking = block({ type: 'thinking', thinking: '' }, ...deltas);
    expect(brokenAfter(thinking)).toMatchObject({ outputTokens });
    const more = blockStop + block({ type: 'text', text: '' }, { text: 'x'.repeat(40) });
    expect(brokenAfter(thinking, more)).toMatchObject({ outputTokens: outputTokens + 10 });
  });

  test('counts hidden thinking', () => {
    expect(brokenAfter(block({ type: 'redacted_thinking', data: 'x'.repeat(1_600) }))).toMatchObject({
      outputTokens: 300,
    });
  });

  test('counts invisible thinking by its time', async () => {
    const usages: AnswerUsage[] = [];
    const meter = createAnswerMeter({
      contentType: STREAM,
      request: { model: 'm', isFast: false, isUsOnly: false, isLongContext: false },
      onUsage: (usage) => usages.push(usage),
      onError: () => undefined,
      onExcess: () => undefined,
    });
    meter.push(Buffer.from(messageStart + block({ type: 'thinking', thinking: '' })));
    await new Promise((resolve) => setTimeout(resolve, 100));
    meter.end(false);
    expect(usages.at(-1)?.outputTokens).toBeGreaterThanOrEqual(6);
  });
});
