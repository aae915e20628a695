import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import express from 'express';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../src/client/client.ts';
import { createLog } from '../src/core/log.ts';
import { createLonghaul, type Longhaul } from '../src/longhaul.ts';
import { IN_PROCESS_KEY_ID } from '../src/access/keys.ts';
import { say } from '../src/testing/index.ts';
import { startTestLonghaul, type TestLonghaul } from '../src/testing/test-longhaul.ts';

describe('Longhaul inside an application', () => {
  let kit: TestLonghaul;
  let longhaul: Longhaul;
  let apiKey: string;
  const closers: (() => void)[] = [];

  beforeAll(async () => {
    kit = await startTestLonghaul({
      config: { agents: { mute: { tools: [], prewarm: false } } },
      script: () => say('hello from within'),
      basePath: '/api/longhaul',
    });
    ({ longhaul } = kit);
    apiKey = longhaul.newAdminKey!;
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  afterAll(() => kit.stop());

  async function listen(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    server.on('upgrade', (request, socket, head) => longhaul.handleUpgrade(request, socket, head));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function follow(url: string): Promise<void> {
    const client = createClient({ url, apiKey });
    const { id } = await client.submit({ agent: 'mute', prompt: 'hi' });
    const types: string[] = [];
    for await (const event of client.stream(id)) types.push(event.type);
    expect(types.at(-1)).toBe('run.succeeded');
    expect(await client.wait(id)).toMatchObject({ status: 'succeeded', result: 'hello from within' });
  }

  it('submits, follows, waits and cancels in process, without a key and without HTTP', async () => {
    const { client } = longhaul;
    const run = await client.submit({ agent: 'mute', prompt: 'hi', user: 'ann' });
    const types: string[] = [];
    for await (const event of client.stream(run.id)) types.push(event.type);
    expect(types.slice(0, 2)).toEqual(['run.queued', 'run.started']);
    expect(await client.wait(run.id)).toMatchObject({ status: 'succeeded', result: 'hello from within' });
    expect(await client.cancel(run.id)).toMatchObject({ status: 'succeeded' });
    await expect(client.run('01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f')).rejects.toMatchObject({ code: 'run_not_found' });
  });

  it('issues tokens in process that work over HTTP, for one user alone', async () => {
    const { token } = await longhaul.client.createToken({ user: 'ann', scopes: ['runs:read'] });
    const [his] = await Promise.all(
      ['bob', 'ann'].map((user) => longhaul.client.submit({ agent: 'mute', prompt: 'hi', user })),
    );
    const ann = createClient({ url: 'http://longhaul.test/api/longhaul', token, fetch: longhaul.fetch });
    expect(new Set((await ann.runs()).data.map(({ user }) => user))).toEqual(new Set(['ann']));
    await expect(ann.run(his!.id)).rejects.toMatchObject({ status: 404 });
  });

  it('accepts no HTTP request without a key, even from the same process', async () => {
    const answer = await longhaul.fetch(new Request('http://longhaul.test/v1/runs'));
    expect(answer.status).toBe(401);
    const { data } = await longhaul.client.keys();
    expect(data.map(({ id, name }) => [id, name])).toContainEqual([IN_PROCESS_KEY_ID, 'in process']);
    // The internal key does not count as a second admin key.
    const admin = data.find(({ name }) => name === 'admin')!;
    await expect(longhaul.client.revokeKey(admin.id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('mounts in Hono', async () => {
    const app = new Hono().mount('/api/longhaul', longhaul.fetch);
    const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    closers.push(() => server.close());
    await follow(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/longhaul`);
  });

  it('mounts in Express, WebSockets included', async () => {
    const app = express();
    app.use('/api/longhaul', longhaul.nodeHandler);
    const url = await listen(app);
    await follow(`${url}/api/longhaul`);
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/longhaul/v1/stream`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'ping' }));
    const [frame] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(frame.toString())).toEqual({ type: 'pong' });
    socket.close();
    await once(socket, 'close');
  });

  it('answers below its base path, as a route handler that receives whole addresses', async () => {
    const url = await listen(longhaul.nodeHandler);
    await follow(`${url}/api/longhaul`);
    const answer = await fetch(`${url}/api/longhaul/v1/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: 'mute', prompt: 'hi' }),
    });
    expect(answer.headers.get('location')).toMatch(/^\/api\/longhaul\/v1\/runs\//);
  });

  it('starts with the first request', async () => {
    const other = createLonghaul(
      { agents: { mute: { tools: [], prewarm: false } } },
      { roles: ['server'], log: createLog('silent'), env: { LONGHAUL_DATA_DIR: `${longhaul.config.dataDir}-other` } },
    );
    expect((await other.client.runs()).data).toEqual([]);
    await other.stop();
    await rm(other.config.dataDir, { recursive: true });
  });
});
