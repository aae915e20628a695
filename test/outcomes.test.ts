import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResource } from '../src/client/client.ts';
import {
  cut,
  fail,
  failMidStream,
  hang,
  say,
  startTestLonghaul,
  turn,
  useTool,
  type ModelRequest,
  type TestLonghaul,
  type Turn,
} from '../src/testing/index.ts';

// Every outcome of a run, through the whole of Longhaul and the real Claude Code executable: the right
// state, the right code, the cost in the ledger, and words that are safe for a user.

const priced = { usage: { inputTokens: 1_000, outputTokens: 100 } };

/** Number of requests that the model has left without an answer. */
let hangCount = 0;

function hangAndCount(...args: Parameters<typeof hang>): Turn {
  hangCount++;
  return hang(...args);
}

/** The model answers by the prompt; a turn after the first repeats the answer `then`. */
const SCRIPTS: Record<string, (request: ModelRequest) => Turn> = {
  success: ({ turn: count }) =>
    count === 0 ? turn(useTool('Read', { file_path: 'notes.md' }), priced) : turn(say('All read.'), priced),
  endless: () => turn(useTool('Read', { file_path: 'notes.md' }), priced),
  'says and spends': () =>
    turn([say('Half of it is done.'), useTool('Read', { file_path: 'notes.md' })], {
      usage: { inputTokens: 1_000, outputTokens: 100_000 },
    }),
  'answers and spends': () => turn(say('All of it is done.'), { usage: { inputTokens: 1_000, outputTokens: 100_000 } }),
  expensive: () =>
    turn(useTool('Read', { file_path: 'notes.md' }), { usage: { inputTokens: 1_000, outputTokens: 100_000 } }),
  hang: () => hangAndCount('before_headers'),
  'hang later': ({ turn: count }) =>
    count === 0 ? turn(useTool('Read', { file_path: 'notes.md' }), priced) : hangAndCount('after_headers'),
  400: () => fail(400),
  401: () => fail(401),
  403: () => fail(403),
  404: () => fail(404, { type: 'not_found_error' }),
  413: () => fail(413),
  429: () => fail(429, { retryAfterSeconds: 3_600 }),
  500: () => fail(500),
  529: () => fail(529),
  'error in stream': () => failMidStream([], { type: 'api_error', message: 'Internal server error' }),
  cut: () => cut([say('half')]),
  absurd: () => turn(say('Done.'), { usage: { inputTokens: 100.5, outputTokens: 9e15 } }),
  slow: () => turn(say('word '.repeat(400), { chunks: 400, chunkDelayMs: 50 }), priced),
};

describe('a run', () => {
  let longhaul: TestLonghaul;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-outcomes-'));
    await writeFile(path.join(directory, 'notes.md'), 'Drive far.\n');
    const reader = {
      model: 'claude-sonnet-4-5',
      tools: ['Read', 'Glob', 'Grep'],
      workspace: directory,
      // This test is about the end of an attempt.
      retry: { maxAttempts: 1 },
      prewarm: false as const,
    };
    longhaul = await startTestLonghaul({
      baseDir: directory,
      script: (request) => SCRIPTS[request.prompt.trim()]?.(request) ?? say(`You said: ${request.prompt}`),
      config: {
        agents: {
          reader,
          homeless: { ...reader, workspace: path.join(directory, 'missing') },
          broke: { ...reader, limits: { maxBudgetUsd: 0 } },
          mute: { ...reader, limits: { maxTurns: 0 } },
          // Different models, because a limit of the provider applies to all runs of a model.
          limited: { ...reader, model: 'claude-haiku-4-5' },
          overloaded: { ...reader, model: 'claude-opus-4-5' },
          instant: { ...reader, limits: { timeoutSeconds: 0 } },
        },
      },
    });
  });

  afterAll(async () => {
    await longhaul.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const submit = (prompt: string, agent = 'reader', limits = {}) => longhaul.client.submit({ agent, prompt, limits });
  const ended = async (run: RunResource): Promise<RunResource> => {
    for (;;) {
      const now = await longhaul.client.run(run.id, { waitSeconds: 60 });
      if (now.finishedAt !== null) return now;
    }
  };

  const runs = new Map<string, RunResource>();
  /** Runs a prompt to which the model never answers. If the time was too short to ask the model, another run gets twice the time. */
  async function timedOut(prompt: string): Promise<RunResource> {
    for (let timeoutSeconds = 2; !runs.has(prompt); timeoutSeconds *= 2) {
      const before = hangCount;
      const run = await ended(await submit(prompt, 'reader', { timeoutSeconds }));
      if (hangCount > before || timeoutSeconds > 30) runs.set(prompt, run);
    }
    return runs.get(prompt)!;
  }

  it('succeeds, with result, turns, tools, tokens and a cost that both counts agree on', async () => {
    const run = await ended(await submit('success'));
    expect(run).toMatchObject({
      status: 'succeeded',
      result: 'All read.',
      error: null,
      turns: 2,
      toolUses: { Read: 1 },
      usage: { inputTokens: 2_000, outputTokens: 200 },
      // 2,000 x $3 + 200 x $15 a million.
      costUsd: 0.009,
      isAtCeiling: false,
      modelUsage: { 'claude-sonnet-4-5': { inputTokens: 2_000, costUsd: 0.009 } },
      attempts: [{ number: 1, outcome: 'succeeded', meteredCostUsd: 0.009, reportedCostUsd: 0.009, exitCode: null }],
    });
    expect(run.durationMs).toBeGreaterThan(0);
  });

  it('succeeds if its answer was complete when its ceiling was reached, with isAtCeiling', async () => {
    const run = await ended(await submit('answers and spends', 'reader', { maxBudgetUsd: 0.5 }));
    expect(run).toMatchObject({
      status: 'succeeded',
      result: 'All of it is done.',
      error: null,
      costUsd: 1.503,
      isAtCeiling: true,
    });
    const events = [];
    for await (const event of longhaul.client.stream(run.id)) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'run.succeeded', data: { costUsd: 1.503, isAtCeiling: true } });
  });

  it('stopped by its budget keeps its text', async () => {
    expect(await ended(await submit('says and spends', 'reader', { maxBudgetUsd: 0.5 }))).toMatchObject({
      status: 'failed',
      error: { code: 'max_budget' },
      result: 'Half of it is done.',
    });
  });

  it.each([
    ['endless', 'reader', { maxTurns: 2 }, 'max_turns', 0.009],
    ['expensive', 'reader', { maxBudgetUsd: 0.5 }, 'max_budget', 1.503],
    ['success', 'broke', {}, 'max_budget', 0],
    ['success', 'mute', {}, 'max_turns', 0],
    ['success', 'instant', {}, 'run_timeout', 0],
    ['success', 'homeless', {}, 'workspace_invalid', 0],
    ['400', 'reader', {}, 'provider_invalid_request', 0],
    ['401', 'reader', {}, 'provider_auth', 0],
    ['403', 'reader', {}, 'provider_auth', 0],
    ['404', 'reader', {}, 'invalid_model', 0],
    ['413', 'reader', {}, 'request_too_large', 0],
    ['429', 'limited', {}, 'provider_rate_limit', 0],
    ['500', 'reader', {}, 'provider_error', 0],
    ['529', 'overloaded', {}, 'provider_overloaded', 0],
    ['error in stream', 'reader', {}, 'provider_error', null],
    ['cut', 'reader', {}, 'provider_error', null],
  ])('that meets "%s" (agent %s, limits %j) fails as %s', async (prompt, agent, limits, code, costUsd) => {
    const run = await ended(await submit(prompt, agent, limits));
    if (costUsd !== null) expect(run.costUsd).toBe(costUsd);
    await expectFailure(longhaul, run, code);
  });

  it.each(['hang', 'hang later'])('that meets "%s" and times out fails as run_timeout', async (prompt) => {
    await expectFailure(longhaul, await timedOut(prompt), 'run_timeout');
  });

  it.each([
    ['hang', 0],
    ['hang later', 0.0045],
  ])(
    'that times out before the model has answered ("%s") pays for the input that was probably read',
    async (prompt, least) => {
      const { costUsd, usage } = await timedOut(prompt);
      expect(costUsd).toBeGreaterThan(least);
      // A short prompt, the tools and Claude Code's own text.
      expect(costUsd).toBeLessThan(least + 0.03);
      expect(usage.inputTokens).toBeGreaterThan(0);
    },
  );

  it('ends, and keeps no slot, when the model reports nonsensical usage', async () => {
    const runs = await Promise.all(Array.from({ length: 5 }, () => submit('absurd')));
    for (const run of runs) expect((await ended(run)).finishedAt).not.toBeNull();
  });

  it('is cancelled while it streams, within seconds and with its cost', async () => {
    const run = await submit('slow');
    for await (const event of longhaul.client.stream(run.id)) {
      if (event.type === 'agent.text.delta') {
        const asked = performance.now();
        await longhaul.client.cancel(run.id);
        const cancelled = await ended(run);
        expect(performance.now() - asked).toBeLessThan(10_000);
        expect(cancelled).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
        expect(cancelled.costUsd).toBeGreaterThan(0);
      }
    }
  });

  it.each(
    [
      '--settings=/tmp/x.json',
      '-p',
      '@/etc/hostname say it',
      '/cost',
      '\u001B[31mred\u001B[0m',
      '</script>',
      '🎉'.repeat(5_000),
    ].map((prompt) => [prompt.slice(0, 20), prompt]),
  )('has its prompt reach the model as it was written: %j', async (_, prompt = '') => {
    const run = await ended(await submit(prompt));
    expect(run).toMatchObject({ status: 'succeeded', prompt, result: `You said: ${prompt}` });
  });

  it('streams every piece of the text, and the whole once', async () => {
    const run = await submit('success');
    const texts: string[] = [];
    let whole = '';
    for await (const { type, data } of longhaul.client.stream(run.id)) {
      if (type === 'agent.text.delta') texts.push(data.text);
      if (type === 'agent.text') whole += data.text;
    }
    expect(texts.join('')).toBe(whole);
    expect(whole).toBe('All read.');
  });
});

describe('a run whose executable', () => {
  it.each([
    ['is missing', '/nowhere/claude', 'cli_not_found'],
    ['cannot start', path.resolve('test/fixtures/claude-fails-at-start.sh'), 'cli_start_failed'],
  ])('%s fails, and says which only to operators', async (_, claudePath, code) => {
    const longhaul = await startTestLonghaul({
      config: { agents: { mute: { tools: [], prewarm: false, retry: { maxAttempts: 1 } } }, claudePath },
    });
    const run = await longhaul.client.submit({ agent: 'mute', prompt: 'hello' });
    const failed = await longhaul.client.run(run.id, { waitSeconds: 60 });
    expect(failed).toMatchObject({ status: 'failed', error: { code } });
    expect(failed.error?.message).not.toContain(claudePath);
    expect(failed.error?.detail).toBeTruthy();
    await longhaul.stop();
  });

  it('meets only silence from its provider fails as provider_error', async () => {
    const longhaul = await startTestLonghaul({
      config: { agents: { mute: { tools: [], prewarm: false, retry: { maxAttempts: 1 } } }, providerSilenceSeconds: 2 },
      script: () => hang('before_headers'),
    });
    const run = await longhaul.client.submit({ agent: 'mute', prompt: 'hello' });
    const failed = await longhaul.client.run(run.id, { waitSeconds: 60 });
    expect(failed.costUsd).toBe(0);
    await expectFailure(longhaul, failed, 'provider_error');
    await longhaul.stop();
  });

  it('finds no provider at its address fails as provider_error', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const longhaul = await startTestLonghaul({
      config: { agents: { mute: { tools: [], prewarm: false, retry: { maxAttempts: 1 } } } },
      env: { ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}` },
    });
    const run = await longhaul.client.submit({ agent: 'mute', prompt: 'hello' });
    expect(await longhaul.client.run(run.id, { waitSeconds: 60 })).toMatchObject({
      status: 'failed',
      error: { code: 'provider_error' },
      costUsd: 0,
    });
    await longhaul.stop();
  });
});

async function expectFailure({ client }: TestLonghaul, run: RunResource, code: string): Promise<void> {
  expect(run).toMatchObject({ status: 'failed', result: null, error: { code } });
  expect(run.attempts).toMatchObject([{ outcome: 'failed', errorCode: code }]);
  const events = [];
  for await (const event of client.stream(run.id)) events.push(event);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter(({ type }) => type === 'run.failed')).toMatchObject([
    { data: { error: { code, message: run.error?.message } } },
  ]);
  expect(events.at(-1)?.type).toBe('run.failed');
}
