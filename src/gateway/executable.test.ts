import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { query, type SDKResultMessage } from '@anthropic-ai/claude-agent-sdk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  fail,
  failMidStream,
  hang,
  say,
  startScriptedModel,
  think,
  turn,
  useTool,
  type ScriptedModel,
} from '../testing/index.ts';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';

/** The real Claude Code against the scripted model, with the gateway between them. */

const PROVIDER_KEY = 'sk-the-real-provider-key';
const SILENCE_MS = 500;

let model: ScriptedModel;
let gateway: Gateway;
let pass: GatewayPass;
let home: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'longhaul-gateway-'));
  model = await startScriptedModel();
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: model.url, headers: { 'x-api-key': PROVIDER_KEY } } }]]),
    silenceMs: SILENCE_MS,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1' });
});

afterEach(async () => {
  await gateway.close();
  await model.close();
  await rm(home, { recursive: true, force: true });
});

/** Runs a prompt. The time counts from the first message, because a busy machine may take long to start Claude Code. */
async function run(prompt: string, tools = ['Bash']): Promise<{ result: SDKResultMessage | null; durationMs: number }> {
  let startedAt = NaN;
  let result: SDKResultMessage | null = null;
  const messages = query({
    prompt,
    options: {
      cwd: home,
      model: 'claude-sonnet-4-5',
      tools,
      allowedTools: tools,
      permissionMode: 'dontAsk',
      settingSources: [],
      persistSession: false,
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        TMPDIR: home,
        CLAUDE_CONFIG_DIR: home,
        CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: '1',
        CLAUDE_CODE_MAX_RETRIES: '3',
        ANTHROPIC_BASE_URL: gateway.url,
        ANTHROPIC_API_KEY: pass.token,
      },
    },
  });
  try {
    for await (const message of messages) {
      if (Number.isNaN(startedAt)) startedAt = performance.now();
      if (message.type === 'result') result = message;
    }
  } catch (error) {
    // The SDK throws a failed result as well, after it was returned.
    if (result === null) throw error;
  }
  return { result, durationMs: performance.now() - startedAt };
}

test('a run succeeds; its tools find a token and no key, and the meter agrees with Claude Code to the micro-dollar', async () => {
  model.setScript([
    turn(useTool('Bash', { command: 'env' }), { usage: { inputTokens: 1_000, outputTokens: 50 } }),
    turn(say('Done.'), { usage: { inputTokens: 1_500, outputTokens: 7, cacheReadTokens: 900 } }),
  ]);
  const { result } = await run('Print your environment.');
  expect(result).toMatchObject({ subtype: 'success', is_error: false, result: 'Done.' });

  const environment = model.requests[1]?.toolResults[0]?.content ?? '';
  expect(environment).toContain(pass.token);
  expect(environment).not.toContain(PROVIDER_KEY);
  expect(model.requests.every(({ headers }) => headers['x-api-key'] === PROVIDER_KEY)).toBe(true);

  const meter = pass.meter();
  expect(meter.requestCount).toBe(2);
  expect(meter.usage).toMatchObject({ inputTokens: 2_500, outputTokens: 57, cacheReadTokens: 900 });
  expect(meter.costMicros).toBe(Math.round((result?.total_cost_usd ?? 0) * 1_000_000));
  expect(pass.failure()).toBeNull();
});

test('a key that the provider rejects ends the run at once', async () => {
  model.setScript([fail(401)]);
  const { result, durationMs } = await run('Hello.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 403 });
  expect(durationMs).toBeLessThan(10_000);
  expect(model.requests).toHaveLength(1);
  expect(pass.failure()).toMatchObject({ kind: 'auth', status: 401 });
});

test('with the token of an ended attempt a process spends nothing and ends', async () => {
  pass.close();
  const { result, durationMs } = await run('Hello.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(durationMs).toBeLessThan(10_000);
  expect(model.requests).toEqual([]);
});

test.each([
  ['before it answers', hang()],
  ['after its headers', hang('after_headers')],
  ['in the middle of a sentence', hang({ after: say('Let me think about') })],
])('a provider that falls silent %s ends the run by our deadline', async (_, silence) => {
  model.setScript([silence]);
  const { result, durationMs } = await run('Hello.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(durationMs).toBeLessThan(8_000);
  expect(model.requests).toHaveLength(2);
  expect(pass.failure()).toMatchObject({ kind: 'silent' });
});

const overload = { type: 'overloaded_error', message: 'Overloaded' };

test.each([
  ['before the first block', failMidStream([], overload)],
  ['within the first block', failMidStream(say('Half of it'), overload, { midBlock: true })],
  ['behind thinking', failMidStream([think('Hm.'), say('Half of it')], overload, { midBlock: true })],
])('an error of the provider %s costs a call and not the run', async (_, failure) => {
  model.setScript(() => (model.requests.length === 1 ? failure : say('All of it.')));
  const { result } = await run('Hello.');
  expect(result).toMatchObject({ subtype: 'success', is_error: false, result: 'All of it.' });
  expect(model.requests).toHaveLength(2);
  expect(pass.failure()).toBeNull();
});

test('a provider that always fails within its answer ends the run with its message', async () => {
  model.setScript([failMidStream(say('Half of it'), overload, { midBlock: true })]);
  const { result } = await run('Hello.');
  expect(result).toMatchObject({ is_error: true });
  expect(pass.failure()).toMatchObject({ kind: 'overloaded', message: 'Overloaded' });
});

test('an answer without bounds ends the run at once', async () => {
  const chunks = Array.from({ length: 11 }, () => 'x'.repeat(100_000));
  model.setScript([say(chunks.join(''), { chunks })]);
  const { result, durationMs } = await run('Hello.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(durationMs).toBeLessThan(10_000);
  expect(model.requests).toHaveLength(1);
  expect(pass.failure()).toMatchObject({ kind: 'server_error' });
});

test('with $0.02 a run requests no more than it can pay for, and exceeds the ceiling by less than one input', async () => {
  pass = gateway.openLane().open({ attemptId: 'attempt-2', ceilingMicros: 20_000 });
  const inputTokens = 4_000;
  // A model that always writes as much as it may.
  model.setScript(({ body, turn: answers }) =>
    turn([say('I will look.'), useTool('Bash', { command: `echo ${answers}` })], {
      usage: { inputTokens, outputTokens: Math.min(Number(body['max_tokens']), 400) },
    }),
  );
  const { result, durationMs } = await run('Go on and on.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(pass.failure()).toMatchObject({ kind: 'refused', code: 'max_budget' });
  expect(durationMs).toBeLessThan(10_000);
  const asked = model.requests.map(({ body }) => Number(body['max_tokens']));
  expect(asked).toEqual([1_212, 121]);
  expect(model.requests.map(({ body }) => body['thinking'])).toMatchObject([
    { type: 'enabled', budget_tokens: 1_024 },
    { type: 'disabled' },
  ]);
  expect(pass.meter().costMicros).toBe(Math.round((result?.total_cost_usd ?? 0) * 1_000_000));
  expect(pass.meter().costMicros).toBeLessThan(20_000 + inputTokens * 3);
});

test('an answer cut short by the money that is left ends the run as max_budget', async () => {
  pass = gateway.openLane().open({ attemptId: 'attempt-2', ceilingMicros: 20_000 });
  model.setScript(({ body }) =>
    turn(say('And then'), {
      usage: { inputTokens: 1_000, outputTokens: Number(body['max_tokens']) },
      stopReason: 'max_tokens',
    }),
  );
  const { result } = await run('Tell me a long story.');
  expect(result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(pass.failure()).toMatchObject({ code: 'max_budget' });
  expect(pass.meter().costMicros).toBeLessThan(20_000 + 3_000);
});

test('a run ends after its last turn, and when the provider names a long wait', async () => {
  pass = gateway.openLane().open({ attemptId: 'attempt-2', maxTurns: 2 });
  model.setScript(() => useTool('Bash', { command: 'true' }));
  const turns = await run('Go on and on.');
  expect(turns.result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(pass.failure()).toMatchObject({ code: 'max_turns' });
  expect(model.requests).toHaveLength(2);

  pass.close();
  pass = gateway.openLane().open({ attemptId: 'attempt-3' });
  model.setScript([fail(529, { retryAfterSeconds: 30 })]);
  const overloaded = await run('Hello.');
  expect(overloaded.result).toMatchObject({ is_error: true, api_error_status: 402 });
  expect(overloaded.durationMs).toBeLessThan(10_000);
  expect(pass.failure()).toMatchObject({ kind: 'overloaded', status: 529, retryAfterSeconds: 30 });
  expect(model.requests).toHaveLength(3);
});

test('parallel subagents that cannot all have what they ask for wait for each other, and the run succeeds', async () => {
  // The main loop and each subagent ask for 32,000 tokens, which cost more than half a dollar.
  pass = gateway.openLane().open({ attemptId: 'attempt-2', ceilingMicros: 300_000 });
  const usage = { inputTokens: 4_000, outputTokens: 100 };
  model.setScript(({ prompt, turn: answers }) => {
    const isMain = prompt.startsWith('Ask three.');
    const asked = ['one', 'two', 'three'].map((name) =>
      useTool('Agent', { description: name, prompt: `Work on ${name}.`, subagent_type: 'general-purpose' }),
    );
    if (answers === 0) return turn(isMain ? asked : useTool('Bash', { command: 'true' }), { usage });
    return turn(say(isMain ? 'All three are done.' : 'Done.'), { usage });
  });
  const { result } = await run('Ask three.', ['Bash', 'Agent']);
  expect(result).toMatchObject({ is_error: false, result: 'All three are done.' });
  expect(model.requests).toHaveLength(8);
  expect(Math.max(...model.requests.map(({ body }) => Number(body['max_tokens'])))).toBe(18_181);
  expect(pass.meter().costMicros).toBe(8 * 13_500);
});
