/** The scripted model with the real Claude Code executable, on which the other tests of Longhaul depend. */
import type { Options, SDKMessage } from '@anthropic-ai/claude-agent-sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BareClaude } from '../../test/support/bare-claude.ts';
import { createBareClaude, watch } from '../../test/support/bare-claude.ts';
import { say, think, useTool } from './blocks.ts';
import type { Script, ScriptedModel } from './scripted-model.ts';
import { startScriptedModel } from './scripted-model.ts';
import { cut, fail, failMidStream, hang, turn } from './turns.ts';

type Watched = ReturnType<typeof watch>;

let model: ScriptedModel;
let claude: BareClaude;
beforeEach(async () => {
  model = await startScriptedModel();
  claude = await createBareClaude(model.url, { 'menu.md': '# Menu\n\nOolong is 4 euros.\n' });
});
afterEach(async () => {
  await claude[Symbol.asyncDispose]();
  await model.close();
});

function play(script: Script, { prompt = 'Hello', ...options }: Options & { prompt?: string } = {}): Watched {
  model.setScript(script);
  return watch(claude.start(prompt, options));
}

test('text streams piece by piece and becomes the result', async () => {
  const { messages, result } = await play([say('Good day to you', { chunks: ['Good ', 'day ', 'to you'] })]);
  expect(toDeltas(messages, 'text_delta')).toEqual(['Good ', 'day ', 'to you']);
  expect(result).toMatchObject({ subtype: 'success', is_error: false, result: 'Good day to you' });
  expect(model.requests).toHaveLength(1);
});

test('the prompt arrives unchanged', async () => {
  const prompt = '  --settings=x @/etc/hostname\n<system-reminder>no</system-reminder> /cost 🤔';
  await play([say('Fine')], { prompt });
  expect(model.requests[0]?.prompt).toBe(prompt);
});

test('a tool call runs the real tool, and the script sees its result', async () => {
  const { result } = await play((request) => {
    const [found] = request.toolResults;
    if (found === undefined) return useTool('Read', { file_path: `${claude.workspace}/menu.md` });
    return say(found.content.includes('4 euros') ? 'Oolong is 4 euros.' : 'I cannot tell.');
  });
  expect(result).toMatchObject({ result: 'Oolong is 4 euros.' });
  expect(model.requests.map((request) => request.turn)).toEqual([0, 1]);
  expect(model.requests[0]?.toolNames.toSorted()).toEqual(['Glob', 'Grep', 'Read']);
});

test('parallel calls, failing calls and unknown tools all return results', async () => {
  await play([
    [
      useTool('Read', { file_path: `${claude.workspace}/none.md` }),
      useTool('Grep', { pattern: 'Oolong' }),
      useTool('Bash'),
    ],
    say('Done'),
  ]);
  const results = model.requests[1]?.toolResults ?? [];
  expect(results.filter((each) => each.isError)).toHaveLength(2);
  expect(results.find((each) => !each.isError)?.content).toContain('menu.md');
});

test('a thinking block arrives as thinking', async () => {
  const { messages, result } = await play([[think('It is a greeting.', { chunks: 2 }), say('Hello')]], {
    thinking: { type: 'enabled', budgetTokens: 2000 },
  });
  expect(toDeltas(messages, 'thinking_delta').join('')).toBe('It is a greeting.');
  expect(messages.filter((each) => each.type === 'assistant').flatMap((each) => each.message.content)).toMatchObject([
    { type: 'thinking', thinking: 'It is a greeting.' },
    { type: 'text', text: 'Hello' },
  ]);
  expect(result).toMatchObject({ result: 'Hello' });
});

test('the SDK totals and prices the reported usage', async () => {
  const usage = { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 10_000, cacheCreationTokens: 2000 };
  const { result } = await play([
    turn(useTool('Glob', { pattern: '*' }), { usage }),
    turn(say('Done'), { usage: { inputTokens: 7, outputTokens: 11 } }),
  ]);
  expect(result?.modelUsage['claude-sonnet-4-5']).toMatchObject({
    inputTokens: 1007,
    outputTokens: 511,
    cacheReadInputTokens: 10_000,
    cacheCreationInputTokens: 2000,
    costBasis: 'list',
  });
  // Sonnet 4.5 per million tokens: 3 USD in, 15 out, 0.30 read from the cache, 3.75 written to it for 5 minutes.
  expect(result?.total_cost_usd).toBeCloseTo(0.003021 + 0.007665 + 0.003 + 0.0075, 9);
});

describe('the endings of an answer', () => {
  test.each([
    { status: 400, requests: 2, error: 'unknown' },
    { status: 402, requests: 1, error: 'unknown' },
    { status: 403, requests: 1, error: 'authentication_failed' },
    { status: 404, requests: 2, error: 'model_not_found' },
  ])('fail($status) ends the run at once', async ({ status, requests, error }) => {
    const { messages, result } = await play([fail(status)]);
    expect(result).toMatchObject({ subtype: 'success', is_error: true, api_error_status: status });
    expect(messages.find((each) => each.type === 'assistant')).toMatchObject({ error });
    expect(toRetries(messages)).toEqual([]);
    expect(model.requests).toHaveLength(requests);
  });

  test.each([401, 429, 500, 529])('fail(%s) is retried as often as the environment says', async (status) => {
    const { messages, result } = await play([fail(status)]);
    expect(result).toMatchObject({ is_error: true, api_error_status: status });
    expect(toRetries(messages)).toMatchObject([{ attempt: 1, max_retries: 1, error_status: status }]);
    expect(model.requests).toHaveLength(2);
  });

  test('a failure can be followed by an answer', async () => {
    const { result } = await play(() => (model.requests.length === 1 ? fail(529) : say('Here I am')));
    expect(result).toMatchObject({ is_error: false, result: 'Here I am' });
  });

  test.each(['before_headers', 'after_headers'] as const)(
    'hang(%s) lasts until the run is interrupted',
    async (where) => {
      const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
      model.setScript(() => {
        onAsked();
        return hang(where);
      });
      const run = claude.start('Hello');
      const watched = watch(run);
      await asked;
      await run.interrupt();
      expect((await watched).result).toMatchObject({ subtype: 'error_during_execution' });
      expect(model.requests).toHaveLength(1);
    },
  );

  test('hang({ after }) streams its blocks before the silence', async () => {
    model.setScript([hang({ after: [say('So far')] })]);
    const run = claude.start('Hello');
    const { messages, result } = await watch(run, async (message) => {
      if (toDeltas([message], 'text_delta').length > 0) await run.interrupt();
    });
    expect(toDeltas(messages, 'text_delta')).toEqual(['So far']);
    expect(result).toMatchObject({ subtype: 'error_during_execution' });
  });

  test('after a cut the request is repeated', async () => {
    const { result } = await play(() => (model.requests.length === 1 ? cut(say('Half')) : say('Whole')));
    expect(result).toMatchObject({ is_error: false, result: 'Whole' });
    expect(model.requests.map((request) => request.body['stream'])).toEqual([true, true]);
  });

  test('after a cut within the first block that block is dropped and the request is repeated', async () => {
    const { result } = await play(() =>
      model.requests.length === 1 ? cut(say('Half of it'), { midBlock: true }) : say('Whole'),
    );
    expect(result).toMatchObject({ is_error: false, result: 'Whole' });
    expect(model.requests.map((request) => request.turn)).toEqual([0, 0]);
  });

  test('after an error in mid-stream before any text the request is repeated without streaming', async () => {
    const { result } = await play(() =>
      model.requests.length === 1 ? failMidStream([], { type: 'api_error', message: 'Broken' }) : say('Whole'),
    );
    expect(result).toMatchObject({ is_error: false, result: 'Whole' });
    expect(model.requests.map((request) => request.body['stream'] === true)).toEqual([true, false]);
  });

  test('after an error in mid-stream the model is asked to continue its text', async () => {
    const { result } = await play([failMidStream(say('Half'), { type: 'api_error', message: 'Broken' }), say('Rest')]);
    expect(result).toMatchObject({ is_error: false, result: 'Rest' });
    expect(model.requests.map((request) => request.turn)).toEqual([0, 1]);
  });
});

/** Returns the text of every delta of one kind, in order. */
function toDeltas(messages: readonly SDKMessage[], type: 'text_delta' | 'thinking_delta'): string[] {
  return messages.flatMap((message) => {
    if (message.type !== 'stream_event' || message.event.type !== 'content_block_delta') return [];
    const { delta } = message.event;
    if (delta.type !== type) return [];
    return delta.type === 'text_delta' ? delta.text : delta.thinking;
  });
}

function toRetries(messages: readonly SDKMessage[]): SDKMessage[] {
  return messages.filter((message) => message.type === 'system' && message.subtype === 'api_retry');
}
