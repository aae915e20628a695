import { expect } from 'vitest';
import { createTestDatabase, type DATABASE_KINDS } from '../../test/support/databases.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createLog, type Logger } from '../core/log.ts';
import type { Config } from '../config/config.ts';
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
  readonly rules: Config;
  /** A key without scopes. */
  readonly plainKey: string;
  /** Sends a request with the key of an operator, or with `key`. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** Posts a body as `application/json`: a text as it stands, anything else as JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Another server on the same database, with limits of its own: sends requests to it. */
  startServer(limits: LonghaulConfig['limits']): TestApi['request'];
  close(): Promise<void>;
}

const agents = { reader: { tools: ['Read'] }, brief: { tools: [], limits: { maxPromptLength: 10 } } };

interface StartOptions {
  /** Defaults to none on how often. */
  readonly limits?: LonghaulConfig['limits'];
  readonly log?: Logger;
}

export async function startApi(
  kind: (typeof DATABASE_KINDS)[number],
  { limits = { perUser: { runsPerMinute: false } }, log = createLog('error') }: StartOptions = {},
): Promise<TestApi> {
  const resolve = (given: LonghaulConfig['limits']) =>
    resolveConfig({ input: { agents, limits: given }, baseDir: '/', env: {} });
  const config = resolve(limits);
  const { database, remove } = await createTestDatabase(kind);
  await migrate(database);
  const queue = createPgBossQueue({
    database,
    expireSeconds: 180,
    onError: (error) => expect.unreachable(error.message),
  });
  await queue.start(['reader', 'brief']);
  const hub = await createEventHub(database);
  const startServer = (server: Config) => createApi({ config: server, database, queue, hub, version: '0.0.0', log });
  const api = startServer(config);
  const [adminKey, plainKey] = [generateKey(), generateKey()];
  await storeKey(database, { key: adminKey, name: 'admin', scopes: ['admin'] });
  await storeKey(database, { key: plainKey, name: 'application', scopes: [] });

  const requestOf =
    (server: Api) =>
    async (path: string, { key = adminKey, headers, ...rest }: RequestOptions = {}) =>
      server.request(path, {
        ...rest,
        headers: { authorization: `Bearer ${key}`, ...(headers as Record<string, string>) },
      });
  const request = requestOf(api);
  return {
    api,
    database,
    queue,
    rules: config,
    plainKey,
    request,
    startServer: (given) => requestOf(startServer(resolve(given))),
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
