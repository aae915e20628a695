import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { collect } from './collect.fixture.ts';
import {
  createClient,
  LonghaulApiError,
  LonghaulNetworkError,
  LonghaulTokenError,
  LonghaulUnauthorizedError,
  type LonghaulClient,
} from './client.ts';

const ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe('following a run', () => {
  it('resumes a broken stream where it broke, and yields every event once and in order', async () => {
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
        // A known event arrives again.
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

  it('waits for a failing server, and ends at the final event although the stream stays open', async () => {
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

  it('gives up at once when it is rejected', async () => {
    let requests = 0;
    const client = await serve((_, response) => {
      requests += 1;
      answerProblem(response, { status: 404, code: 'run_not_found' });
    });
    await expect(collect(client.stream(ID))).rejects.toMatchObject({ status: 404, code: 'run_not_found' });
    expect(requests).toBe(1);
  });

  it('ends without an error and closes the connection when its signal aborts', async () => {
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

  it('is repeated until it is answered, with the same key each time', async () => {
    const keys: (string | undefined)[] = [];
    const client = await serve((request, response) => {
      keys.push(request.headers['idempotency-key'] as string | undefined);
      if (keys.length === 1) return request.socket.destroy();
      if (keys.length === 2) return answerProblem(response, { status: 503, code: 'unavailable' });
      response.writeHead(202, { 'content-type': 'application/json' });
      return response.end('{}');
    });
    await client.submit({ agent: 'reader', prompt: '--' });
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    await client.submit({ agent: 'reader', prompt: '--' });
    expect(keys[3]).not.toBe(keys[0]);
  });

  it('is sent once if a repetition might have a further effect', async () => {
    let requests = 0;
    const client = await serve((request) => {
      requests += 1;
      request.socket.destroy();
    });
    await expect(client.createKey({ name: 'one' })).rejects.toBeInstanceOf(LonghaulNetworkError);
    expect(requests).toBe(1);
  });

  it('gets one new token for all concurrent requests, and gives up when that is rejected as well', async () => {
    const tokens: string[] = [];
    let isRefused = false;
    const given: string[] = [];
    const origin = await serveUrl((request, response) => {
      tokens.push(request.headers.authorization ?? '');
      if (isRefused || tokens.at(-1) === 'Bearer 1')
        return answerProblem(response, { status: 401, code: 'token_expired' });
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end('{}');
    });
    const token = () => {
      given.push(String(given.length + 1));
      return Promise.resolve(given.at(-1)!);
    };
    const client = createClient({ url: origin, token });
    await Promise.all([client.getRun(ID), client.getRun(ID), client.getRun(ID)]);
    expect(given).toEqual(['1', '2']);
    isRefused = true;
    await expect(client.getRun(ID)).rejects.toBeInstanceOf(LonghaulUnauthorizedError);
    expect(given).toHaveLength(3);
  });

  it('reads and lists runs under the old names too', async () => {
    const asked: string[] = [];
    const origin = await serveUrl((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{}');
    });
    const client = createClient({ url: origin, apiKey: 'key' });
    await client.getRun(ID, { waitSeconds: 3 });
    await client.run(ID, { waitSeconds: 3 });
    await client.listRuns({ agent: 'reader', limit: 2 });
    await client.runs({ agent: 'reader', limit: 2 });
    const [read, list] = [`/v1/runs/${ID}?wait=3`, '/v1/runs?agent=reader&limit=2'];
    expect(asked).toEqual([read, read, list, list]);
  });

  it('throws an error when the token function fails', async () => {
    const client = createClient({
      url: 'http://127.0.0.1:1',
      token: () => Promise.reject(new Error('signed out')),
      retryForSeconds: 0,
    });
    await expect(client.getRun(ID)).rejects.toBeInstanceOf(LonghaulTokenError);
  });

  it('throws a separate class for each rejection that callers treat differently', async () => {
    let status = 0;
    const client = await serve((_, response) => {
      response.setHeader('retry-after', '7');
      answerProblem(response, { status, code: 'some_code' });
    });
    for (const [given, name] of [
      [400, 'LonghaulInvalidRequestError'],
      [402, 'LonghaulBudgetError'],
      [403, 'LonghaulForbiddenError'],
      [404, 'LonghaulNotFoundError'],
      [409, 'LonghaulConflictError'],
      [429, 'LonghaulRateLimitError'],
    ] as const) {
      status = given;
      await expect(client.getRun(ID)).rejects.toMatchObject({ name, status, code: 'some_code', retryAfterSeconds: 7 });
    }
  });

  it('throws the problem of the rejection', async () => {
    const errors = [{ path: 'prompt', message: 'must not be empty' }];
    const client = await serve((_, response) =>
      answerProblem(response, { status: 400, code: 'invalid_request', errors }),
    );
    const refusal = client.submit({ agent: 'reader', prompt: '' });
    await expect(refusal).rejects.toBeInstanceOf(LonghaulApiError);
    await expect(refusal).rejects.toMatchObject({ status: 400, code: 'invalid_request', problem: { errors } });
  });

  it('reports an answer of another server', async () => {
    const client = await serve((_, response) => response.end('<h1>Welcome to nginx</h1>'));
    await expect(client.listRuns()).rejects.toMatchObject({ name: 'LonghaulApiError', status: 200, code: 'unknown' });
  });

  it('throws another error when there is no answer', async () => {
    const url = await serveUrl((_, response) => response.socket?.destroy());
    const client = createClient({ url, apiKey: 'key', retryForSeconds: 0 });
    await expect(client.getRun(ID)).rejects.toBeInstanceOf(LonghaulNetworkError);
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serve(answer: Answer): Promise<LonghaulClient> {
  return createClient({ url: `${await serveUrl(answer)}/`, apiKey: 'key' });
}

async function serveUrl(answer: Answer): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function frame(seq: number, type: string): string {
  const event = { runId: ID, seq, type, at: '2026-01-31T09:00:00.000Z', attempt: 1, data: {} };
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
}

function answerProblem(response: ServerResponse, problem: { status: number; code: string; errors?: unknown }): void {
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Refused.', ...problem }));
}
