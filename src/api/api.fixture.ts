import { expect } from 'vitest';
import { createTestDatabase, type DATABASE_KINDS } from '../../test/support/databases.ts';
import { resolveConfig } from '../config/resolve.ts';
import { createLog, type Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { createPgBossQueue } from '../queue/pg-boss-queue.ts';
import type { Queue } from '../queue/queue.ts';
import { createEventHub } from '../stream/event-hub.ts';
import { createApi } from './api.ts';
import type { Api } from './api-deps.ts';
import { generateKey, storeKey } from './keys.ts';

type RequestOptions = RequestInit & { key?: string };

/** The API with all that is behind it, on a database of its own. Its agents: `reader`, and `brief` with 10 characters. */
export interface TestApi {
  readonly api: Api;
  readonly database: Database;
  readonly queue: Queue;
  /** A key without scopes. */
  readonly plainKey: string;
  /** Sends a request with the key of an operator, or with `key`. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** Posts a body as `application/json`: a text as it stands, anything else as JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

const config = resolveConfig({
  input: { agents: { reader: { tools: ['Read'] }, brief: { tools: [], limits: { maxPromptLength: 10 } } } },
  baseDir: '/',
  env: {},
});

export async function startApi(
  kind: (typeof DATABASE_KINDS)[number],
  log: Logger = createLog('error'),
): Promise<TestApi> {
  const { database, remove } = await createTestDatabase(kind);
  await migrate(database);
  const queue = createPgBossQueue({
    database,
    expireSeconds: 180,
    onError: (error) => expect.unreachable(error.message),
  });
  await queue.start(['reader', 'brief']);
  const hub = await createEventHub(database);
  const api = createApi({ config, database, queue, hub, version: '0.0.0', log });
  const [adminKey, plainKey] = [generateKey(), generateKey()];
  await storeKey(database, { key: adminKey, name: 'admin', scopes: ['admin'] });
  await storeKey(database, { key: plainKey, name: 'application', scopes: [] });

  const request = async (path: string, { key = adminKey, headers, ...rest }: RequestOptions = {}) =>
    api.request(path, { ...rest, headers: { authorization: `Bearer ${key}`, ...(headers as Record<string, string>) } });
  return {
    api,
    database,
    queue,
    plainKey,
    request,
    post: (path, body, headers = {}) =>
      request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async close() {
      await hub.close();
      await queue.stop();
      await remove();
    },
  };
}
