import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { LonghaulError } from '../core/errors.ts';

interface ListenOptions {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** A server that is listening. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests and ends the open ones, streams included. */
  close(): Promise<void>;
}

/**
 * Serves a `fetch` handler over HTTP.
 * @throws {LonghaulError} `port_in_use` when the port is taken.
 */
export async function listen({ fetch, host, port }: ListenOptions): Promise<Listening> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = serve({ fetch, hostname: host, port }, (info) => resolve(info.port)) as Server;
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const isTaken = cause.code === 'EADDRINUSE';
    reject(
      isTaken
        ? new LonghaulError('port_in_use', {
            message: `Port ${port} on ${host} is taken: stop what listens there, or set LONGHAUL_PORT.`,
            cause,
          })
        : cause,
    );
  });
  const actualPort = await promise;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${actualPort}`,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
