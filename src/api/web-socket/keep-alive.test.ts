import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { keepAlive } from './keep-alive.ts';

const EVERY_MS = 50;

describe('keeping a WebSocket alive', () => {
  let http: Server;
  let sockets: WebSocketServer;

  beforeEach(async () => {
    http = createServer();
    sockets = new WebSocketServer({ server: http, autoPong: false });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    http.closeAllConnections();
    const closed = once(http, 'close');
    http.close();
    await closed;
  });

  /** Opens a connection and returns both ends; `served` is the end that is kept alive. */
  async function open({ autoPong = true, isBusy = (): boolean => false } = {}) {
    const { port } = http.address() as AddressInfo;
    const connected = once(sockets, 'connection') as Promise<[WebSocket]>;
    const peer = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong });
    const [served] = await connected;
    const stop = keepAlive(served, { isBusy, everyMs: EVERY_MS });
    served.once('close', stop);
    if (peer.readyState !== peer.OPEN) await once(peer, 'open');
    return { peer, served, stop };
  }

  async function close(peer: WebSocket): Promise<void> {
    const closed = once(peer, 'close');
    peer.close();
    await closed;
  }

  it('drops a peer that has answered neither of two pings', async () => {
    const { peer, served } = await open({ autoPong: false });
    let pings = 0;
    peer.on('ping', () => pings++);
    const [code] = (await once(served, 'close')) as [number];
    expect(pings).toBe(2);
    // Closed without a close frame: RFC 6455, 7.1.5.
    expect(code).toBe(1_006);
  });

  it('keeps a peer that answers pings or sends anything else', async () => {
    const answering = await open();
    const talking = await open({ autoPong: false });
    talking.peer.on('ping', () => talking.peer.send('x'));
    const pinging = await open({ autoPong: false });
    pinging.peer.on('ping', () => pinging.peer.ping());
    for (const { peer } of [answering, talking, pinging]) {
      for (let count = 0; count < 5; count++) await once(peer, 'ping');
      expect(peer.readyState).toBe(peer.OPEN);
      await close(peer);
    }
  });

  it('answers the pings of its peer', async () => {
    const { peer } = await open();
    const ponged = once(peer, 'pong');
    peer.ping('there?');
    expect(String((await ponged)[0])).toBe('there?');
    await close(peer);
  });

  it('does not ping a peer with unread frames, and stops pinging when stopped', async () => {
    let isBusy = true;
    let looks = 0;
    const looked = Promise.withResolvers<void>();
    const { peer, served, stop } = await open({
      autoPong: false,
      isBusy: () => {
        if (++looks === 5) looked.resolve();
        return isBusy;
      },
    });
    let pings = 0;
    peer.on('ping', () => pings++);
    await looked.promise;
    expect(served.readyState).toBe(served.OPEN);
    expect(pings).toBe(0);
    isBusy = false;
    await once(peer, 'ping');
    stop();
    const before = looks;
    const echoed = once(served, 'message');
    peer.send('x');
    await echoed;
    expect(looks).toBe(before);
    await close(peer);
  });
});
