import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect, createServer as createTcpServer, Socket, type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectLog } from '../core/log.fixture.ts';
import type { EgressConnection } from './connection.ts';
import { createEgress, type Egress, type EgressGate } from './egress.ts';

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('the way out', () => {
  const { log, lines } = collectLog();
  let egress: Egress;
  let gate: EgressGate;
  let connections: EgressConnection[];
  /** Stands for the socket that a worker has in a sandbox. */
  const door = createTcpServer((socket) => gate.accept(socket));
  const web = createServer((incoming, response) => {
    incoming.resume();
    incoming.on('end', () => response.end(`you asked for ${incoming.url}`));
  });
  let doorPort = 0;
  let webPort = 0;

  beforeEach(async () => {
    doorPort = door.listening ? doorPort : await listen(door);
    webPort = web.listening ? webPort : await listen(web);
    connections = [];
    egress = createEgress({ log });
    gate = egress.open({
      agent: 'coder',
      allow: [`127.0.0.1:${webPort}`, `localhost:${webPort}`],
      trusted: [],
      onConnection: (connection) => void connections.push(connection),
    });
  });
  afterEach(async () => {
    await gate.close();
    egress.close();
    expect(lines).toEqual([]);
  });

  /** Asks the proxy for a page over plain HTTP. */
  async function get(url: string): Promise<string> {
    const asked = request({ host: '127.0.0.1', port: doorPort, path: url, headers: { host: new URL(url).host } }).end();
    const [response] = await once(asked, 'response');
    return `${response.statusCode} ${await text(response)}`;
  }

  /** Asks the proxy for a tunnel. */
  async function tunnel(target: string): Promise<{ socket: Socket; status: number }> {
    const asked = request({ host: '127.0.0.1', port: doorPort, method: 'CONNECT', path: target }).end();
    const [response, socket] = await once(asked, 'connect');
    return { socket, status: response.statusCode };
  }

  it('passes on a request over plain HTTP, and reports its bytes', async () => {
    expect(await get(`http://localhost:${webPort}/page`)).toBe('200 you asked for /page');
    await expect.poll(() => connections).toHaveLength(1);
    expect(connections).toMatchObject([{ host: 'localhost', port: webPort, decision: 'allowed' }]);
    expect(connections[0]!.sentBytes).toBeGreaterThan(20);
    expect(connections[0]!.receivedBytes).toBeGreaterThan(20);
  });

  it('opens a tunnel, and reports it when it has ended', async () => {
    const { socket, status } = await tunnel(`127.0.0.1:${webPort}`);
    expect(status).toBe(200);
    const words = 'GET /inside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    socket.write(words);
    expect(await text(socket)).toContain('you asked for /inside');
    await expect.poll(() => connections).toHaveLength(1);
    expect(connections).toMatchObject([
      { host: '127.0.0.1', port: webPort, decision: 'allowed', sentBytes: words.length },
    ]);
  });

  it('says why it refuses, and reports it at once', async () => {
    expect(await get('http://other.example/')).toBe(
      '403 This agent may not connect to other.example: agents.coder.sandbox.network.allow does not contain it.\n',
    );
    expect((await tunnel('OTHER.example.:443')).status).toBe(403);
    expect((await tunnel(`127.0.0.1:${doorPort}`)).status).toBe(403);
    expect(connections).toMatchObject([
      { host: 'other.example', port: 80, decision: 'refused', reason: 'host' },
      { host: 'other.example', port: 443, decision: 'refused', reason: 'host' },
      { host: '127.0.0.1', port: doorPort, decision: 'refused', reason: 'port' },
    ]);
  });

  it('reports open tunnels when the process ends', async () => {
    const { socket } = await tunnel(`127.0.0.1:${webPort}`);
    socket.on('error', () => undefined);
    await gate.close();
    expect(connections).toMatchObject([{ host: '127.0.0.1', decision: 'allowed' }]);
  });

  it('connects nowhere for a client that has gone while its host was looked up', async () => {
    const looked = Promise.withResolvers<{ address: string; family: number }[]>();
    const begun = Promise.withResolvers<void>();
    gate = egress.open({
      agent: 'coder',
      allow: [`slow.example:${webPort}`, `127.0.0.1:${webPort}`],
      trusted: [],
      resolveNamed() {
        begun.resolve();
        return looked.promise;
      },
      onConnection: (connection) => void connections.push(connection),
    });
    const socket = connect({ host: '127.0.0.1', port: doorPort });
    socket.write(`CONNECT slow.example:${webPort} HTTP/1.1\r\nHost: slow.example\r\n\r\n`);
    await begun.promise;
    socket.destroy();
    await gate.close();
    const webConnections = once(web, 'connection').then(() => 'connected');
    looked.resolve([{ address: '127.0.0.1', family: 4 }]);
    expect(await Promise.race([webConnections, delay(200).then(() => 'nothing')])).toBe('nothing');
    expect(connections).toEqual([]);
  });

  it('passes on a connection to a server of the configuration as it is, and reports it', async () => {
    const server = { host: '127.0.0.1', port: webPort };
    const passing = createTcpServer((socket) => gate.passOn(socket, server));
    const response = await fetch(`http://127.0.0.1:${await listen(passing)}/mcp`, { headers: { connection: 'close' } });
    expect(await response.text()).toBe('you asked for /mcp');
    await expect.poll(() => connections).toHaveLength(1);
    expect(connections).toMatchObject([{ ...server, decision: 'allowed' }]);
    expect(connections[0]!.sentBytes).toBeGreaterThan(20);
    expect(connections[0]!.receivedBytes).toBeGreaterThan(20);
    passing.close();
  });

  it('survives a client that is no client', async () => {
    for (const words of ['\0\0\0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', 'CONNECT nonsense HTTP/1.1\r\n\r\n', '']) {
      const socket = connect({ host: '127.0.0.1', port: doorPort });
      socket.on('error', () => undefined);
      socket.end(words);
      await text(socket).catch(() => '');
    }
    expect(await get(`http://127.0.0.1:${webPort}/after`)).toBe('200 you asked for /after');
    await expect.poll(() => connections).toHaveLength(1);
  });

  it('lets a process open a limited number of connections at once, and reports one more', async () => {
    const open = await Promise.all(Array.from({ length: 64 }, () => tunnel(`127.0.0.1:${webPort}`)));
    expect(await get(`http://127.0.0.1:${webPort}/one-more`)).toMatch(/^403 This agent has 64 connections open/);
    expect(connections).toMatchObject([{ host: '127.0.0.1', port: webPort, decision: 'refused', reason: 'too_many' }]);
    for (const { socket } of open) socket.destroy();
    await expect.poll(() => connections).toHaveLength(65);
    expect(await get(`http://127.0.0.1:${webPort}/again`)).toBe('200 you asked for /again');
  });

  it('refuses only the connections beyond the limit when a process opens more together', async () => {
    const asked = await Promise.all(Array.from({ length: 70 }, () => tunnel(`127.0.0.1:${webPort}`)));
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(64);
    expect(asked.filter(({ status }) => status === 403)).toHaveLength(6);
    expect(connections).toHaveLength(6);
    for (const connection of connections) expect(connection).toMatchObject({ decision: 'refused', reason: 'too_many' });
    for (const { socket } of asked) socket.destroy();
  });

  it('closes one more to a server of the configuration, and reports it', async () => {
    const open = await Promise.all(Array.from({ length: 64 }, () => tunnel(`127.0.0.1:${webPort}`)));
    const socket = new Socket();
    gate.passOn(socket, { host: 'localhost', port: webPort });
    expect(socket.destroyed).toBe(true);
    expect(connections).toMatchObject([{ host: 'localhost', port: webPort, decision: 'refused', reason: 'too_many' }]);
    for (const { socket } of open) socket.destroy();
  });

  it('lets a process make a limited number of connections in all, and reports only the first that is too many', async () => {
    expect(await get(`http://127.0.0.1:${webPort}/first`)).toBe('200 you asked for /first');
    await expect.poll(() => connections).toHaveLength(1);
    // Nobody listens there.
    const server = { host: '127.0.0.1', port: 1 };
    for (let times = 0; times < 10_100; times++) {
      const socket = new Socket();
      gate.passOn(socket, server);
      await once(socket.destroy(), 'close');
    }
    expect(await get(`http://127.0.0.1:${webPort}/last`)).toMatch(/^403 This agent has made too many connections/);
    expect(connections).toHaveLength(10_000);
    expect(connections.at(-2)).toMatchObject({ ...server, decision: 'allowed' });
    expect(connections.at(-1)).toMatchObject({ ...server, decision: 'refused', reason: 'too_many' });
  });
});
