import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { RunEvent } from '../core/events.ts';
import type { CursorEvent } from './cursor-events.ts';
import { takeFrames, toEventStream } from './server-sent-events.ts';
import { writeFrames } from './write-frames.ts';

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  if (server?.listening) await new Promise((resolve) => server?.close(resolve));
});

const toEvent = (seq: number, text = `text ${seq}`) =>
  ({
    cursor: seq,
    event: {
      runId: 'r',
      seq,
      type: 'agent.text.delta',
      at: '2026-01-01T00:00:00.000Z',
      attempt: 1,
      data: { text, blockId: '1' },
    } satisfies RunEvent,
  }) satisfies CursorEvent;

async function* toSource(batches: Iterable<readonly CursorEvent[]>) {
  for (const batch of batches) yield await Promise.resolve(batch);
}

const framesOf = (source: ReturnType<typeof toSource>, onOver = () => {}) =>
  takeFrames(toEventStream(source, { onOver, onError: () => {} }))!;

/** A source with more in its first batch than the kernel buffers, and a promise that resolves when it has ended. */
function createLongSource() {
  const { promise, resolve } = Promise.withResolvers<void>();
  async function* read() {
    const text = 'x'.repeat(1_000_000);
    try {
      yield await Promise.resolve(Array.from({ length: 64 }, (_, index) => toEvent(index + 1, text)));
    } finally {
      resolve();
    }
  }
  return { source: read(), ended: promise };
}

/** Serves streams; returns the port. */
async function serve(
  open: () => ReturnType<typeof framesOf>,
  options?: Parameters<typeof writeFrames>[2],
): Promise<number> {
  server = createServer((_, response) => void writeFrames(response, open(), options));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

it('gives the clients of one batch the same bytes, formatted once', async () => {
  const batch = [toEvent(1), toEvent(2)];
  const [one, other] = [framesOf(toSource([batch])), framesOf(toSource([batch]))];
  const bytes = await one.next();
  expect(bytes).not.toBeNull();
  expect(await other.next()).toBe(bytes);
  expect(Buffer.from(bytes!).toString()).toMatch(/^id: 1\nevent: agent\.text\.delta\ndata: .*\n\nid: 2\n[^]*\n\n$/);
  expect(await one.next()).toBeNull();
});

it('writes a stream from its first event to its last, each once, and ends it', async () => {
  const count = 50;
  const port = await serve(() => framesOf(toSource(Array.from({ length: count }, (_, index) => [toEvent(index + 1)]))));
  const response = await fetch(`http://127.0.0.1:${port}`);
  const text = await response.text();
  const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  expect(text.startsWith('retry: 1000\n\n')).toBe(true);
});

it('reads no further than its client, and goes on when the client reads again', async () => {
  const count = 200;
  const large = 'x'.repeat(100_000);
  let read = 0;
  function* batches() {
    while (read < count) yield [toEvent(++read, large)];
  }
  const over = Promise.withResolvers<void>();
  const port = await serve(() => framesOf(toSource(batches()), over.resolve));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  // The kernel has buffered all that it can once the number stands still.
  for (let before = -1; before !== read;) {
    before = read;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(read).toBeLessThan(count);
  let ids = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    ids += text.replaceAll(/x+/g, '');
  });
  await over.promise;
  while (!ids.includes('0\r\n\r\n')) await once(socket, 'data');
  expect([...ids.matchAll(/id: (\d+)\n/g)].map(([, id]) => Number(id))).toEqual(
    Array.from({ length: count }, (_, index) => index + 1),
  );
  socket.destroy();
});

it('ends the source when the client disconnects, also while it waits for the next event', async () => {
  const over = Promise.withResolvers<void>();
  async function* source() {
    yield [toEvent(1)];
    await over.promise;
  }
  const port = await serve(() => framesOf(source(), over.resolve));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'data');
  socket.destroy();
  await over.promise;
});

it('returns its source when a client disconnects that does not read', async () => {
  const { source, ended } = createLongSource();
  const port = await serve(() => framesOf(source));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  socket.destroy();
  await ended;
});

it('returns its source when a reader of the body cancels it in the middle of a batch', async () => {
  const { source, ended } = createLongSource();
  const reader = toEventStream(source, { onOver: () => {}, onError: () => {} }).body!.getReader();
  await reader.read();
  await reader.read();
  await reader.cancel();
  await ended;
});

it('drops a client that takes a chunk too slowly, however often it takes a little', async () => {
  const { source, ended } = createLongSource();
  const frames = framesOf(source);
  const port = await serve(() => frames, { stallMs: 300 });
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  const taking = setInterval(() => socket.read(1_000), 20);
  await ended;
  clearInterval(taking);
  expect(frames.wasLeft).toBe(true);
  socket.destroy();
});

it('sets no limit to the time between events', async () => {
  async function* source() {
    yield [toEvent(1)];
    await delay(400);
    yield [toEvent(2)];
  }
  const port = await serve(() => framesOf(source()), { stallMs: 100 });
  const text = await (await fetch(`http://127.0.0.1:${port}`)).text();
  expect(text.match(/^id: \d+$/gm)).toEqual(['id: 1', 'id: 2']);
});
