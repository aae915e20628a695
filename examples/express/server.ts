// An Express application with Longhaul inside it: a page on which the signed-in user sees their own runs live.
//
//   npm install longhaul express
//   node server.ts
import path from 'node:path';
import express from 'express';
import { createLonghaul } from 'longhaul';

const longhaul = createLonghaul({ agents: { writer: { tools: [] } } });
await longhaul.start();

const app = express();

// The API for browsers, below a path on the application's own origin. Mounted before anything that reads bodies.
app.use('/longhaul', longhaul.nodeHandler);

// Gives the page a token for the signed-in user. Your session names that user; here the address does.
app.post('/token/:user', async (request, response) => {
  response.json(await longhaul.client.createToken({ user: request.params.user }));
});

// Serves the page, and the client it loads, which needs no bundler.
app.use('/client', express.static(path.dirname(new URL(import.meta.resolve('longhaul/client')).pathname)));
app.use(express.static(path.join(import.meta.dirname, 'public')));

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}/?user=ann`);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
    void longhaul.stop();
  });
}
