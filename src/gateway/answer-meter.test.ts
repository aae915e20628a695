import { expect, test } from 'vitest';
import { createAnswerMeter } from './answer-meter.ts';
import type { AnswerUsage } from './answer-usage.ts';
import { messageStart, sse, textDelta, wholeStream } from './upstream.fixture.ts';

const STREAM = 'text/event-stream; charset=utf-8';

function read(chunks: readonly Uint8Array[], { contentType = STREAM, isWhole = true, request = {} } = {}) {
  const usages: AnswerUsage[] = [];
  const errors: string[] = [];
  const meter = createAnswerMeter({
    contentType,
    request: { model: 'asked-for', isFast: false, isUsOnly: false, isLongContext: false, ...request },
    onUsage: (usage) => usages.push(usage),
    onError: (data) => errors.push(data),
  });
  for (const chunk of chunks) meter.push(chunk);
  meter.end(isWhole);
  return { usages, errors, last: usages.at(-1) };
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

test('a stream tells its usage twice: as it begins and with the final count', () => {
  expect(read([Buffer.from(wholeStream)]).usages.map((usage) => usage.outputTokens)).toEqual([1, 500]);
});

test('line ends may be CR LF, and other events and comments are passed over', () => {
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

test('an error within a stream is handed over', () => {
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

test('how much of an answer was thinking is read where the provider says it', () => {
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

test.each([
  [12.5, 13],
  [1e11, 1e10],
  ['1e400', 1e10],
  [-1, 500],
  ['"500000"', 500],
  ['null', 500],
  ['[1]', 500],
])('a count of %s is taken as %i, or left as it was', (count, expected) => {
  const absurd = `event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":${count}}}\n\n`;
  expect(read([Buffer.from(wholeStream + absurd)]).last).toEqual({ ...whole, outputTokens: expected });
});
