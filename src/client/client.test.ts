import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { collect } from './collect.fixture.ts';
import { createClient, LonghaulApiError, LonghaulNetworkError, type LonghaulClient } from './client.ts';

const ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe('following a run', () => {
  it('takes a broken stream up where it broke, and gives every event once and in order', async () => {
    const log = ['run.queued', 'run.started', 'agent.text', 'run.succeeded'].map((type, index) =>
      frame(index + 1, type),
    );
    const cursors: number[] = [];
    const client = await serve((request, response) => {
      const after = Number(/after=(\d+)$/.exec(request.url ?? '')?.[1]);
      cursors.push(after);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (cursors.length === 1) {
        response.write(log.join('').slice(0, -200), () => response.destroy());
      } else {
        // One that the reader knows already comes again.
        response.end(log.slice(Math.max(after - 1, 0)).join(''));
      }
    });
    const delaysMs: number[] = [];
    const events = await collect(client.stream(ID, { onInterruption: (delayMs) => delaysMs.push(delayMs) }));
    expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(delaysMs).toHaveLength(1);
    expect(cursors).toHaveLength(2);
    expect(cursors[0]).toBe(0);
  });

  it('waits for a server that fails, and ends at the final event though the stream stays open', async () => {
    let requests = 0;
    const client = await serve((_, response) => {
      requests += 1;
      if (requests === 1) return response.writeHead(503).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return response.write(frame(1, 'run.cancelled'));
    });
    expect(await collect(client.stream(ID))).toHaveLength(1);
    expect(requests).toBe(2);
  });

  it('gives up at once when it is refused', async () => {
    let requests = 0;
    const client = await serve((_, response) => {
      requests += 1;
      answerProblem(response, { status: 404, code: 'run_not_found' });
    });
    await expect(collect(client.stream(ID))).rejects.toMatchObject({ status: 404, code: 'run_not_found' });
    expect(requests).toBe(1);
  });

  it('ends quietly and closes the connection when its signal aborts', async () => {
    const closed = Promise.withResolvers<void>();
    const client = await serve((_, response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frame(1, 'run.queued'));
    });
    const abort = new AbortController();
    const seen: number[] = [];
    const onInterruption = () => seen.push(Number.NaN);
    for await (const { seq } of client.stream(ID, { signal: abort.signal, onInterruption })) {
      seen.push(seq);
      abort.abort();
    }
    expect(seen).toEqual([1]);
    await closed.promise;
  });

  it('closes the connection when the consumer leaves', async () => {
    const closed = Promise.withResolvers<void>();
    const client = await serve((_, response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(frame(1, 'run.queued'));
    });
    for await (const _ of client.stream(ID)) break;
    await closed.promise;
  });
});

describe('a request', () => {
  it('carries key, body and idempotency key', async () => {
    const client = await serve(async (request, response) => {
      const body = await collect(request as AsyncIterable<Buffer>);
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ headers: request.headers, body: JSON.parse(Buffer.concat(body).toString()) }));
    });
    const echo: unknown = await client.submit({ agent: 'reader', prompt: '--' }, { idempotencyKey: 'once' });
    expect(echo).toMatchObject({
      headers: { authorization: 'Bearer key', 'content-type': 'application/json', 'idempotency-key': 'once' },
      body: { agent: 'reader', prompt: '--' },
    });
  });

  it('throws the problem it was refused with', async () => {
    const errors = [{ path: 'prompt', message: 'must not be empty' }];
    const client = await serve((_, response) =>
      answerProblem(response, { status: 400, code: 'invalid_request', errors }),
    );
    const refusal = client.submit({ agent: 'reader', prompt: '' });
    await expect(refusal).rejects.toBeInstanceOf(LonghaulApiError);
    await expect(refusal).rejects.toMatchObject({ status: 400, code: 'invalid_request', problem: { errors } });
  });

  it('says so when something that is not Longhaul answers', async () => {
    const client = await serve((_, response) => response.end('<h1>Welcome to nginx</h1>'));
    await expect(client.runs()).rejects.toMatchObject({ name: 'LonghaulApiError', status: 200, code: 'unknown' });
  });

  it('throws another error when nobody answers', async () => {
    const client = await serve((_, response) => response.socket?.destroy());
    await expect(client.run(ID)).rejects.toBeInstanceOf(LonghaulNetworkError);
  });
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => unknown): Promise<LonghaulClient> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, apiKey: 'key' });
}

function frame(seq: number, type: string): string {
  const event = { runId: ID, seq, type, at: '2026-01-31T09:00:00.000Z', attempt: 1, data: {} };
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function answerProblem(response: ServerResponse, problem: { status: number; code: string; errors?: unknown }): void {
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Refused.', ...problem }));
}
