import type { TestApi } from './api.fixture.ts';
import { listen, type Listening } from './listen.ts';
import { createWebSockets } from './web-socket/web-sockets.ts';

/** Serves the API on a local port, with WebSockets. `stallMs` is how long their clients may read nothing. */
export function listenWithSockets(
  { api }: Pick<TestApi, 'api'>,
  { stallMs }: { stallMs?: number } = {},
): Promise<Listening> {
  const sockets = createWebSockets({ fetch: api.fetch, ...(stallMs !== undefined && { stallMs }) });
  return listen({
    fetch: api.fetch,
    host: '127.0.0.1',
    port: 0,
    sockets: { handleUpgrade: sockets.handleUpgrade, closeSockets: sockets.close },
  });
}
