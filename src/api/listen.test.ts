import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { afterEach, describe, expect, it } from 'vitest';
import { listen, type Listening } from './listen.ts';
import { parseOpenFiles } from './max-connections.ts';

describe('a server that listens', () => {
  let server: Listening;

  afterEach(() => server.close());

  const start = async (limits: NonNullable<Parameters<typeof listen>[0]['limits']>) => {
    const fetch = async (request: Request) => new Response(await request.text().catch(() => 'cut off'));
    server = await listen({ fetch, host: '127.0.0.1', port: 0, limits });
  };
  /** Sends raw bytes, and reads until the server closes the connection. */
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
  ])('times out waiting for %s', async (_, bytes, limits) => {
    await start(limits);
    const { head, problem } = await send(bytes);
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(head).toContain('application/problem+json');
    expect(problem).toMatchObject({ code: 'request_timeout', status: 408 });
  });

  it('rejects connections above the maximum with one warning, and accepts again when there is room', async () => {
    const warnings: string[] = [];
    const fetch = () => new Response('here');
    const onWarning = (_: object, message: string) => warnings.push(message);
    server = await listen({ fetch, host: '127.0.0.1', port: 0, limits: { maxConnections: 2 }, onWarning });
    const open = () => connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
    const kept = [open(), open()];
    await Promise.all(kept.map((socket) => once(socket, 'connect')));
    for (const refused of [open(), open()]) expect(await text(refused).catch(() => '')).toBe('');
    expect(warnings).toEqual([expect.stringContaining('the maximum number is open')]);
    kept[0]?.destroy();
    await expect.poll(async () => (await globalThis.fetch(server.url).catch(() => null))?.status).toBe(200);
    kept[1]?.destroy();
  });

  it('closes the connection of a client that stops reading, whatever the response is', async () => {
    const closed = Promise.withResolvers<void>();
    const fetch = (_: Request, { outgoing }: HttpBindings) => {
      outgoing.once('close', () => closed.resolve());
      const pull = (controller: ReadableStreamDefaultController<Uint8Array>) =>
        controller.enqueue(new Uint8Array(100_000));
      return new Response(new ReadableStream<Uint8Array>({ pull }), { headers: { 'content-type': 'text/csv' } });
    };
    server = await listen({ fetch, host: '127.0.0.1', port: 0, limits: { streamStallMs: 200 } });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'readable');
    await closed.promise;
    socket.destroy();
  });

  it('finds the maximum number of open files of its process', () => {
    expect(
      parseOpenFiles(
        'Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n',
      ),
    ).toBe(1_024);
    expect(
      parseOpenFiles('Max open files            unlimited            unlimited            files     \n'),
    ).toBeNull();
  });

  it('rejects endless headers', async () => {
    await start({ maxHeaderBytes: 2_048 });
    const { head, problem } = await send(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(4_000)}\r\n\r\n`);
    expect(head).toMatch(/^HTTP\/1\.1 431 /);
    expect(problem).toMatchObject({ code: 'headers_too_large', status: 431 });
  });

  it('reports data that is not HTTP', async () => {
    await start({});
    const { head, problem } = await send('\x16\x03\x01 hello\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(problem).toMatchObject({ code: 'invalid_request', detail: 'The received data is not HTTP.' });
  });

  it('keeps an idle connection for the configured time, which it announces and which is longer than that of load balancers', async () => {
    const getOver = async (socket: Socket) => {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      const [head] = (await once(socket, 'data')) as [Buffer];
      return head.toString();
    };
    const open = () => connect(Number(new URL(server.url).port), '127.0.0.1');
    await start({});
    const long = open();
    expect(await getOver(long)).toMatch(/\r\nkeep-alive: timeout=75\r\n/i);
    // By default, Node would have closed it after 5 seconds and 1 second of grace.
    await delay(6_500);
    expect(await getOver(long)).toMatch(/^HTTP\/1\.1 200 /);
    long.destroy();
    await server.close();
    await start({ keepAliveMs: 1_000 });
    const short = open();
    await getOver(short);
    await once(short.resume(), 'close');
  });

  it('does not limit the time of a response', async () => {
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
    // Long enough for many checks for late requests.
    setTimeout(release.resolve, 200);
    expect(await (await answer).text()).toBe('late');
  });

  describe('that rejects a request before it has arrived completely', () => {
    const LARGE = Buffer.alloc(2_000_000, 'x');
    const refuse = (body: string, status: number) => Response.json({ code: body }, { status });
    const limited = new Hono().use(
      bodyLimit({ maxSize: 1_000_000, onError: (context) => context.json({ code: 'body_too_large' }, 413) }),
    );
    const REFUSALS = {
      'without reading the body': async () => refuse('unauthorized', 401),
      'by the limit of its body': async (request: Request) => limited.fetch(request),
      'after starting to read it': async (request: Request) => {
        await request.body?.getReader().read();
        return refuse('body_too_large', 413);
      },
    };
    const serve = async (fetch: (request: Request) => Promise<Response>, limits = {}) => {
      const answer = (request: Request) =>
        request.method === 'GET' ? Promise.resolve(new Response('ok')) : fetch(request);
      server = await listen({ fetch: answer, host: '127.0.0.1', port: 0, limits });
    };

    it.each(Object.entries(REFUSALS))(
      '%s, lets fetch read the response, and handles the next request',
      async (_, fetch) => {
        await serve(fetch);
        for (let turn = 0; turn < 20; turn++) {
          const body = turn % 2 === 0 ? LARGE : new Blob([LARGE]).stream();
          const refused = await globalThis.fetch(server.url, { method: 'POST', body, duplex: 'half' });
          expect([401, 413]).toContain(refused.status);
          expect(await refused.json()).toMatchObject({ code: expect.any(String) as string });
          expect(refused.headers.get('connection')).toBe('close');
          expect(await (await globalThis.fetch(server.url)).text()).toBe('ok');
        }
      },
    );

    it.each(Object.entries(REFUSALS))(
      '%s, lets a client that sends everything first read the response',
      async (_, fetch) => {
        await serve(fetch);
        for (let turn = 0; turn < 20; turn++) {
          const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
          socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${5 * LARGE.length}\r\n\r\n`);
          for (let part = 0; part < 5; part++) {
            await new Promise<void>((resolve, reject) => {
              socket.write(LARGE, (error) => (error ? reject(error) : resolve()));
            });
          }
          expect(await text(socket)).toMatch(/^HTTP\/1\.1 4\d\d [^]*\r\nconnection: close\r\n[^]*"code"/i);
        }
      },
    );

    it.each([
      ['time', { maxUnreadMs: 100 }, 'x'],
      ['bytes', { maxUnreadBytes: 1_000_000, maxUnreadMs: 60_000 }, LARGE],
    ])('reads the rest only up to the limit of %s', async (_, limits, part) => {
      await serve(REFUSALS['without reading the body'], limits);
      // A client that does not close its side when the server does.
      const socket = connect({ port: Number(new URL(server.url).port), host: '127.0.0.1', allowHalfOpen: true });
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n');
      let received = '';
      socket.on('data', (chunk) => (received += String(chunk)));
      const cut = new Promise<Error>((resolve) => socket.once('error', resolve));
      const writing = setInterval(() => socket.write(part), 5);
      expect(await cut).toMatchObject({ code: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) as string });
      clearInterval(writing);
      expect(received).toContain(' 401 ');
    });

    it('keeps the connection when the request was small enough to arrive completely', async () => {
      await serve(REFUSALS['without reading the body']);
      const refused = await globalThis.fetch(server.url, { method: 'POST', body: 'x'.repeat(1_000) });
      expect(refused.headers.get('connection')).toBe('keep-alive');
    });
  });
});
