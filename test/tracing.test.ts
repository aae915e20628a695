import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunResource } from '../src/client/client.ts';
import { collectLog } from '../src/core/log.fixture.ts';
import { fail, say, startTestLonghaul, turn, useTool, type Script, type TestLonghaul } from '../src/testing/index.ts';
import { startCollector, type Collector, type ReceivedSpan } from './support/collector.ts';
import { createMachines, untilEnded } from './support/machines.ts';

// Traces through the whole of Longhaul and the real executable, to a receiver of OTLP.

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const PROMPT = 'Tell nobody about the blue heron.';
const agent = { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false } as const;

let collector: Collector;

beforeEach(async () => {
  collector = await startCollector();
  return async () => collector[Symbol.asyncDispose]();
});

afterEach(() => vi.unstubAllEnvs());

/** Uses Bash once, then answers, for as long as Claude Code needs to export the tool's spans. */
const withTool: Script = ({ toolResults }) =>
  toolResults.length > 0
    ? turn(say('word '.repeat(10), { chunks: 10, chunkDelayMs: 100 }))
    : turn(useTool('Bash', { command: 'echo "trace $TRACEPARENT"' }));

interface StartOptions {
  readonly script?: Script;
  readonly agents?: Record<string, object>;
  readonly tracing?: object;
}

describe('in one process', () => {
  let longhaul: TestLonghaul;
  let apiKey: string;
  let logged: ReturnType<typeof collectLog>['lines'];

  /** Starts Longhaul with the variables of a process that exports to the collector. */
  async function start(
    { script = withTool, agents = { doer: agent }, tracing }: StartOptions = {},
    env = collector.env,
  ) {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const { log, lines } = collectLog();
    logged = lines;
    longhaul = await startTestLonghaul({ script, env, log, config: { agents, ...(tracing && { tracing }) } as never });
    apiKey = (await longhaul.longhaul.client.createKey({ name: 'test', scopes: ['admin'] })).key;
  }

  afterEach(() => longhaul.stop());

  /** Submits as an application that is traced itself. */
  async function submit(body: object = {}, headers: Record<string, string> = {}): Promise<RunResource> {
    const response = await longhaul.longhaul.fetch(
      new Request('http://longhaul.test/v1/runs', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${apiKey}`,
          'content-type': 'application/json',
          traceparent: `00-${TRACE_ID}-${CALLER}-01`,
          tracestate: 'vendor=value',
          ...headers,
        },
        body: JSON.stringify({ agent: 'doer', prompt: PROMPT, ...body }),
      }),
    );
    expect(response.status).toBe(202);
    return (await response.json()) as RunResource;
  }

  const end = (run: RunResource) => longhaul.client.run(run.id, { waitSeconds: 60 });
  const named = (name: string | RegExp) =>
    collector.spans.filter((span) => (typeof name === 'string' ? span.name === name : name.test(span.name)));

  it('a single trace leads from the caller to the provider, and contains no prompt, key or identity', async () => {
    await start();
    const run = await submit({ user: 'ada@example.com' });
    expect(await end(run)).toMatchObject({ status: 'succeeded' });
    await expect.poll(() => named('attempt 1').length).toBe(1);
    await expect.poll(() => named(/^invoke_agent/).length).toBe(1);

    const [server] = named('POST /v1/runs');
    const [whole] = named('invoke_agent doer');
    const [queued] = named('queued');
    const [attempt] = named('attempt 1');
    const [tool] = named('execute_tool Bash');
    const chats = named('chat claude-sonnet-4-5');
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
    expect(server).toMatchObject({ parentSpanId: CALLER, kind: 2 });
    expect(whole).toMatchObject({
      parentSpanId: server?.spanId,
      attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'doer', 'longhaul.run.id': run.id },
    });
    expect(queued?.parentSpanId).toBe(whole?.spanId);
    expect(attempt).toMatchObject({
      parentSpanId: whole?.spanId,
      kind: 5,
      attributes: { 'longhaul.attempt.start': 'cold', 'longhaul.attempt.outcome': 'succeeded' },
    });
    expect(tool).toMatchObject({ parentSpanId: attempt?.spanId, attributes: { 'gen_ai.tool.name': 'Bash' } });
    expect(chats).toHaveLength(2);
    for (const chat of chats) {
      expect(chat).toMatchObject({ parentSpanId: attempt?.spanId, kind: 3 });
      expect(chat.attributes).toMatchObject({
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.request.model': 'claude-sonnet-4-5',
        'gen_ai.request.stream': true,
        'server.address': '127.0.0.1',
        'gen_ai.usage.output_tokens': expect.any(Number) as number,
      });
    }
    // The provider continues the gateway's span, and learns nothing of the caller's other systems.
    expect(longhaul.model.requests.map(({ headers }) => headers['traceparent'])).toEqual(
      chats.map(({ spanId }) => `00-${TRACE_ID}-${spanId}-01`),
    );
    expect(longhaul.model.requests.map(({ headers }) => headers['tracestate'])).toEqual([undefined, undefined]);
    // Claude Code's own spans, below the tool that they belong to. Spans that Longhaul emits itself are not there twice.
    const own = named(/^claude_code\./);
    expect(own.map(({ name }) => name)).toContain('claude_code.tool.execution');
    expect(new Set(own.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([tool?.spanId]));
    expect(named(/^claude_code\.(interaction|llm_request|tool)$/)).toEqual([]);
    // Programs that the agent starts continue the trace.
    expect(longhaul.model.requests[1]?.toolResults[0]?.content).toContain(`trace 00-${TRACE_ID}-`);

    // Log lines lead to the trace, and the other way round.
    const about = logged.filter(({ runId }) => runId === run.id);
    expect(about.length).toBeGreaterThan(0);
    for (const line of about)
      expect(line).toMatchObject({ attempt: 1, traceId: TRACE_ID, workerId: longhaul.longhaul.workerId });

    expect(whole!.startMs).toBeLessThanOrEqual(queued!.startMs);
    expect(whole!.endMs).toBeGreaterThanOrEqual(tool!.endMs);
    for (const secret of ['heron', 'ada@example.com', 'user.id', apiKey, 'scripted"', 'lh_att_', 'echo ']) {
      expect(collector.text).not.toContain(secret);
    }
  });

  it('a process that was started before its run is joined to the trace, and the prompt is exported if wanted', async () => {
    await start({ agents: { doer: { ...agent, prewarm: 1 } }, tracing: { includeContent: true } });
    await expect.poll(async () => (await longhaul.client.workers())[0]?.spares, { timeout: 20_000 }).toBe(1);
    const run = await submit();
    expect(await end(run)).toMatchObject({ status: 'succeeded' });
    await expect.poll(() => named('attempt 1')[0]?.attributes['longhaul.attempt.start']).toBe('spare');
    await expect.poll(() => named(/^invoke_agent/).length).toBe(1);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
    const [tool] = named('execute_tool Bash');
    expect(named('claude_code.tool.execution')).toMatchObject([{ parentSpanId: tool?.spanId }]);
    expect(named('invoke_agent doer')[0]?.attributes['gen_ai.input.messages']).toContain('heron');
    expect(tool?.attributes['gen_ai.tool.call.arguments']).toContain('echo');
  });

  it('a parked run keeps its trace, and so does a run that is retried', async () => {
    const other = 'b'.repeat(32);
    const calls = new Map<string, number>();
    await start({
      script: ({ prompt }) => {
        const call = (calls.get(prompt) ?? 0) + 1;
        calls.set(prompt, call);
        if (prompt === 'park' && call === 1) return fail(429, { retryAfterSeconds: 6 });
        // Claude Code itself calls four times.
        if (prompt === 'retry' && call <= 4) return fail(500);
        return turn(say('Done.'));
      },
      agents: Object.fromEntries(
        ['claude-sonnet-4-5', 'claude-haiku-4-5'].map((model) => [
          model,
          { ...agent, model, tools: [], retry: { maxAttempts: 2, delaysSeconds: [1] } },
        ]),
      ),
    });
    const parked = await submit({ agent: 'claude-sonnet-4-5', prompt: 'park' });
    const retried = await submit(
      { agent: 'claude-haiku-4-5', prompt: 'retry' },
      { traceparent: `00-${other}-${CALLER}-01` },
    );
    for (const [run, traceId, reason] of [
      [parked, TRACE_ID, 'provider_rate_limit'],
      [retried, other, 'provider_error'],
    ] as const) {
      expect(await end(run)).toMatchObject({ status: 'succeeded', attempt: 2 });
      const spansOf = (name: RegExp) => named(name).filter((span) => span.traceId === traceId);
      await expect.poll(() => spansOf(/^invoke_agent/).length).toBe(1);
      await expect.poll(() => spansOf(/^attempt 2/).length).toBe(1);
      const attempts = spansOf(/^attempt /);
      const queued = spansOf(/^queued/);
      expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual([reason, undefined]);
      expect(queued.map(({ attributes }) => attributes['longhaul.wait.reason'])).toEqual(['submitted', reason]);
      const parents = new Set([...attempts, ...queued].map(({ parentSpanId }) => parentSpanId));
      expect(parents).toEqual(new Set([spansOf(/^invoke_agent/)[0]?.spanId]));
    }
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID, other]));
  });

  it('a retry by hand links to the run that it retries', async () => {
    let calls = 0;
    await start({
      script: () => (calls++ === 0 ? fail(401) : turn(say('Done.'))),
      agents: { doer: { ...agent, tools: [] } },
    });
    const failed = await end(await submit());
    expect(failed.status).toBe('failed');
    const next = await longhaul.client.retry(failed.id);
    await end(next);
    await expect.poll(() => named(/^invoke_agent/).length).toBe(2);
    const [first, second] = named('invoke_agent doer');
    expect(first?.attributes['error.type']).toBe('provider_auth');
    expect(second?.attributes['longhaul.run.retry_of']).toBe(failed.id);
    expect(second?.links).toMatchObject([{ traceId: TRACE_ID, spanId: first?.spanId }]);
  });

  it('a batch starts a trace for each run, whose id is the run’s, with a link to the request', async () => {
    await start({ script: () => turn(say('Done.')), agents: { doer: { ...agent, tools: [] } } });
    const [run] = await longhaul.client.submitMany([{ agent: 'doer', prompt: 'one' }]);
    await end(run!);
    await expect.poll(() => named(/^invoke_agent/).length).toBe(1);
    await expect.poll(() => named('POST /v1/runs/batch').length).toBe(1);
    const [whole] = named('invoke_agent doer');
    const [request] = named('POST /v1/runs/batch');
    expect(whole?.traceId).toBe(run!.id.replaceAll('-', ''));
    expect(whole?.links).toMatchObject([{ traceId: request?.traceId, spanId: request?.spanId }]);
  });

  it('nothing is exported for a caller that does not sample', async () => {
    await start();
    const run = await submit({}, { traceparent: `00-${TRACE_ID}-${CALLER}-00` });
    expect(await end(run)).toMatchObject({ status: 'succeeded' });
    expect(longhaul.model.requests[0]?.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-00$`));
    await longhaul.longhaul.drain(0);
    expect(collector.spans).toEqual([]);
  });

  it('without an endpoint nothing is exported, and the provider still continues the caller’s span', async () => {
    await start({}, {});
    const run = await submit();
    expect(await end(run)).toMatchObject({ status: 'succeeded' });
    expect(longhaul.model.requests[0]?.headers['traceparent']).toBe(`00-${TRACE_ID}-${CALLER}-01`);
    expect(longhaul.model.requests[1]?.toolResults[0]?.content).not.toContain(TRACE_ID);
    expect(collector.headers).toEqual([]);
  });
});

it('a run that another worker takes over keeps its trace, with the attempt that was lost', async () => {
  for (const [name, value] of Object.entries(collector.env)) vi.stubEnv(name, value);
  let calls = 0;
  const script: Script = () =>
    calls++ === 0 ? turn(say('word '.repeat(1_000), { chunks: 1_000, chunkDelayMs: 100 })) : turn(say('Done.'));
  await using machines = await createMachines(script, { env: collector.env });
  const first = await machines.start('first');
  const run = await machines.client.submit({ agent: 'teller', prompt: 'speak' });
  await expect.poll(() => calls, { timeout: 20_000 }).toBe(1);
  await machines.start('second');
  first.kill('SIGKILL');
  expect(await untilEnded(machines.client, run.id)).toMatchObject({ status: 'succeeded', attempt: 2 });

  const named = (name: string): readonly ReceivedSpan[] => collector.spans.filter((span) => span.name === name);
  await expect.poll(() => named('attempt 2').length, { timeout: 5_000 }).toBe(1);
  await expect.poll(() => named('invoke_agent teller').length, { timeout: 5_000 }).toBe(1);
  const [whole] = named('invoke_agent teller');
  const [request] = named('POST /v1/runs');
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([request?.traceId]));
  expect(named('attempt 1')).toMatchObject([
    { parentSpanId: whole?.spanId, attributes: { 'error.type': 'worker_lost' } },
  ]);
  expect(named('attempt 2')).toMatchObject([{ parentSpanId: whole?.spanId }]);
}, 90_000);
