// An application with Longhaul's API among its own routes, on one port. It sends itself one request, and stops.
//
//   npx node --conditions=longhaul-source examples/mount-in-an-app.ts
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createLonghaul } from 'longhaul';
import { createClient } from 'longhaul/client';

const longhaul = createLonghaul({ agents: { writer: { tools: ['Write'] } }, worker: { slots: 2 } });
await longhaul.start();

const app = new Hono();
app.get('/', (context) => context.text('The application itself.'));
app.mount('/longhaul', longhaul.fetch);

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

console.log(await (await fetch(url)).text());
// Uses the in-process client, with every right and without HTTP; then a token, as a user's browser would.
const { token } = await longhaul.client.createToken({ user: 'ann' });
const client = createClient({ url: `${url}/longhaul`, token });
const submitted = await client.submit({ agent: 'writer', prompt: 'Write a haiku.' });
const run = await client.wait(submitted.id);
console.log(`The run ${run.status}.`);

server.close();
await longhaul.stop();
