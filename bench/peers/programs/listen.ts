import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';

/** Serves an application on a free port, or on `PORT`, and prints its address as JSON once it answers. */
export async function listen(app: Express): Promise<Server> {
  const server = app.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
  return server;
}

/** Prints that a worker takes jobs from now on. */
export function announceWorker(): void {
  console.log(JSON.stringify({ url: null }));
}

/** Calls `stop` for the first SIGTERM or SIGINT, then ends the process; after `timeoutMs` it ends in any case. */
export function onStopSignal(stop: () => Promise<void>, timeoutMs: number): void {
  let isStopping = false;
  const begin = () => {
    if (isStopping) return;
    isStopping = true;
    // An exit ends the SDK's processes.
    setTimeout(() => process.exit(1), timeoutMs).unref();
    void stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', begin);
  process.on('SIGINT', begin);
}
