import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { listen, type Listening } from './listen.ts';

describe('a server that listens', () => {
  let server: Listening;

  afterEach(() => server.close());

  const start = async (limits: NonNullable<Parameters<typeof listen>[0]['limits']>) => {
    const fetch = async (request: Request) => new Response(await request.text().catch(() => 'cut off'));
    server = await listen({ fetch, host: '127.0.0.1', port: 0, limits });
  };
  /** Sends bytes as they are, and reads until the server ends the connection. */
  const send = async (bytes: string) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return { head, problem: JSON.parse(body) as { code: string; status: number } };
  };

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ', { headersTimeoutMs: 100, requestTimeoutMs: 5_000 }],
    [
      'a body',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nslow',
      { headersTimeoutMs: 100, requestTimeoutMs: 150 },
    ],
  ])('gives up on %s that do not come', async (_, bytes, limits) => {
    await start(limits);
    const { head, problem } = await send(bytes);
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(head).toContain('application/problem+json');
    expect(problem).toMatchObject({ code: 'request_timeout', status: 408 });
  });

  it('takes no headers without end', async () => {
    await start({ maxHeaderBytes: 2_048 });
    const { head, problem } = await send(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(4_000)}\r\n\r\n`);
    expect(head).toMatch(/^HTTP\/1\.1 431 /);
    expect(problem).toMatchObject({ code: 'headers_too_large', status: 431 });
  });

  it('says so when it is spoken to in something else than HTTP', async () => {
    await start({});
    const { head, problem } = await send('\x16\x03\x01 hello\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(problem).toMatchObject({ code: 'invalid_request', detail: 'What was received is not HTTP.' });
  });

  it('does not limit how long an answer takes', async () => {
    const release = Promise.withResolvers<void>();
    const fetch = async () => {
      await release.promise;
      return new Response('late');
    };
    server = await listen({
      fetch,
      host: '127.0.0.1',
      port: 0,
      limits: { headersTimeoutMs: 20, requestTimeoutMs: 20 },
    });
    const answer = globalThis.fetch(server.url);
    // Long enough for what is late to be looked for many times.
    setTimeout(release.resolve, 200);
    expect(await (await answer).text()).toBe('late');
  });
});
