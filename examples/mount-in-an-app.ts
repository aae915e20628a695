// An application with Longhaul's API among its own routes, on one port. It asks itself once, and stops.
//
//   npx node --conditions=longhaul-source examples/mount-in-an-app.ts
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createLonghaul } from 'longhaul';
import { createClient } from 'longhaul/client';

const longhaul = createLonghaul({ agents: { writer: { tools: ['Write'] } }, worker: { slots: 2 } });
await longhaul.start();

const app = new Hono();
app.get('/', (context) => context.text('The application itself.'));
app.all('/v1/*', (context) => longhaul.fetch(context.req.raw));

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

console.log(await (await fetch(url)).text());
const apiKey = (await readFile(path.join(longhaul.config.dataDir, 'admin-key'), 'utf8')).trim();
const client = createClient({ url, apiKey });
const submitted = await client.submit({ agent: 'writer', prompt: 'Write a haiku.' });
const run = await client.run(submitted.id, { waitSeconds: 60 });
console.log(`The run ${run.status}.`);

server.close();
await longhaul.stop();
