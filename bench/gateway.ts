import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGateway } from '../src/gateway/gateway.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { percentile } from './statistics.ts';

const CALLS = 300;
const WARM_UP_CALLS = 50;
/** About the size of Claude Code's first request: system prompt, tools, prompt. */
const PROMPT_CHARACTERS = 60_000;
const DELTAS = 10;
/** Shorter than any real model's. */
const DELTA_DELAY_MS = 1;

interface Times {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/** Measures the time that the gateway adds to a model call: the same calls through it and directly to the provider. */
export async function measureGateway(bench: Bench): Promise<Measurement> {
  const providerUrl = await startProvider(bench);
  const gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: providerUrl, headers: { 'x-api-key': 'dummy' } } }]]),
    silenceMs: 10_000,
  });
  bench.onEnd(() => gateway.close());
  const { token } = gateway.openLane().open({ attemptId: 'bench' });
  const agent = new Agent({ keepAlive: true });
  bench.onEnd(async () => agent.destroy());
  const measure = (isStreamed: boolean) =>
    compare({
      direct: () => timeCall({ url: providerUrl, key: 'dummy', isStreamed, agent }),
      through: () => timeCall({ url: gateway.url, key: token, isStreamed, agent }),
    });

  const streamed = await measure(true);
  const whole = await measure(false);
  return judge(
    'gateway',
    {
      callsEachWay: CALLS,
      requestCharacters: PROMPT_CHARACTERS,
      streamedFirstByteAddedP50Ms: streamed.firstByteP50Ms,
      streamedFirstByteAddedP99Ms: streamed.firstByteP99Ms,
      streamedTotalAddedP50Ms: streamed.totalP50Ms,
      streamedTotalAddedP99Ms: streamed.totalP99Ms,
      wholeFirstByteAddedP50Ms: whole.firstByteP50Ms,
      wholeFirstByteAddedP99Ms: whole.firstByteP99Ms,
      wholeTotalAddedP50Ms: whole.totalP50Ms,
      wholeTotalAddedP99Ms: whole.totalP99Ms,
    },
    [
      { figure: 'streamedFirstByteAddedP50Ms', below: 3 },
      { figure: 'streamedFirstByteAddedP99Ms', below: 10 },
      { figure: 'streamedTotalAddedP50Ms', below: 3 },
      { figure: 'streamedTotalAddedP99Ms', below: 10 },
      { figure: 'wholeFirstByteAddedP50Ms', below: 3 },
      { figure: 'wholeFirstByteAddedP99Ms', below: 10 },
      { figure: 'wholeTotalAddedP50Ms', below: 3 },
      { figure: 'wholeTotalAddedP99Ms', below: 10 },
    ],
  );
}

/**
 * Makes calls of both kinds in turns, so that other load on the machine affects both alike, and compares the same
 * percentile of each.
 */
async function compare({ direct, through }: Record<'direct' | 'through', () => Promise<Times>>) {
  const times: Record<'direct' | 'through', Times[]> = { direct: [], through: [] };
  for (let call = -WARM_UP_CALLS; call < CALLS; call++) {
    const pair = { direct: await direct(), through: await through() };
    if (call < 0) continue;
    times.direct.push(pair.direct);
    times.through.push(pair.through);
  }
  const addedMs = (figure: keyof Times, percent: number) => {
    const [throughMs, directMs] = [times.through, times.direct].map((calls) =>
      percentile(
        calls.map((call) => call[figure]),
        percent,
      ),
    );
    return throughMs! - directMs!;
  };
  return {
    firstByteP50Ms: addedMs('firstByteMs', 50),
    firstByteP99Ms: addedMs('firstByteMs', 99),
    totalP50Ms: addedMs('totalMs', 50),
    totalP99Ms: addedMs('totalMs', 99),
  };
}

async function timeCall(options: { url: string; key: string; isStreamed: boolean; agent: Agent }): Promise<Times> {
  const { url, key, isStreamed, agent } = options;
  const body = JSON.stringify({
    model: 'claude-sonnet-4-5',
    max_tokens: 100,
    stream: isStreamed,
    messages: [{ role: 'user', content: 'x'.repeat(PROMPT_CHARACTERS) }],
  });
  const startedAt = performance.now();
  const call = request(`${url}/v1/messages`, {
    method: 'POST',
    agent,
    headers: { 'x-api-key': key, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  call.end(body);
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`A call was answered with ${answer.statusCode}.`);
  let firstByteMs = NaN;
  answer.on('data', () => {
    if (Number.isNaN(firstByteMs)) firstByteMs = performance.now() - startedAt;
  });
  await once(answer, 'end');
  return { firstByteMs, totalMs: performance.now() - startedAt };
}

/** A provider that answers at once, and streams evenly. */
async function startProvider(bench: Bench): Promise<string> {
  const usage = { input_tokens: 20_000, output_tokens: 1 };
  const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  const start = event('message_start', { message: { model: 'claude-sonnet-4-5', usage } });
  const delta = event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'a few words of it' } });
  const end = event('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) + event('message_stop', {});
  const whole = JSON.stringify({
    type: 'message',
    model: 'claude-sonnet-4-5',
    content: [{ type: 'text', text: 'a few words of it '.repeat(DELTAS) }],
    usage,
  });

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const { stream } = JSON.parse(Buffer.concat(chunks).toString()) as { stream: boolean };
    response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
    if (!stream) return void response.end(whole);
    response.write(start);
    for (let sent = 0; sent < DELTAS; sent++) {
      await sleep(DELTA_DELAY_MS);
      response.write(delta);
    }
    response.end(end);
  }

  const server = createServer((incoming, response) => void answer(incoming, response));
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  bench.onEnd(async () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
