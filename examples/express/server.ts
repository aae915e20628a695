// An Express application with Longhaul within it: a page on which whoever is signed in sees their runs live, and nobody
// else's.
//
//   npm install longhaul express
//   node server.ts
import path from 'node:path';
import express from 'express';
import { createLonghaul } from 'longhaul';

const longhaul = createLonghaul({ agents: { writer: { tools: [] } } });
await longhaul.start();

const app = express();

// The API for browsers: below a path of the application, on its own origin. Before anything that reads bodies.
app.use('/longhaul', longhaul.nodeHandler);

// Gives the page a token for whoever is signed in. Your session says who that is; here it is the address.
app.post('/token/:user', async (request, response) => {
  response.json(await longhaul.client.createToken({ user: request.params.user }));
});

// The page, and the client it loads, which needs no bundler.
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
