import { startApi, type TestApi } from '../api/api.fixture.ts';
import { generateKey, storeKey } from '../access/keys.ts';
import { listen } from '../api/listen.ts';

/** A server on an embedded database, and an operator who has a key to it. */
export interface OperatorServer {
  readonly service: TestApi;
  /** Variables of the operator's shell: the address of the server, and the key, whose name is `operator`. */
  readonly env: Readonly<Record<'PATH' | 'LONGHAUL_URL' | 'LONGHAUL_API_KEY', string>>;
  close(): Promise<void>;
}

/** Starts a server to run commands against. */
export async function startOperatorServer(options: Parameters<typeof startApi>[1] = {}): Promise<OperatorServer> {
  const service = await startApi('embedded', options);
  const server = await listen({ fetch: service.api.fetch, host: '127.0.0.1', port: 0 });
  const key = generateKey();
  await storeKey(service.database, { key, name: 'operator', scopes: ['admin'] });
  return {
    service,
    env: { PATH: process.env['PATH'] ?? '', LONGHAUL_URL: server.url, LONGHAUL_API_KEY: key },
    async close() {
      await server.close();
      await service.close();
    },
  };
}
