import { expect } from 'vitest';
import type { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import { openAccess } from '../access/access.ts';
import { generateKey, storeKey } from '../access/keys.ts';
import type { Scope } from '../access/scopes.ts';
import type { Config } from '../config/config.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { createId } from '../core/ids.ts';
import { createLog, type Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { claimRuns, type Claim } from '../run/claim/claim.ts';
import { settlement } from '../run/run.fixture.ts';
import { settleAttempt } from '../run/end/settle.ts';
import { createEventHub } from '../stream/event-hub.ts';
import { createApi } from './api.ts';
import type { Api, ApiDeps } from './api-deps.ts';
import type { RunResource } from './contract.ts';
import { holdToContract } from './held-to-contract.fixture.ts';

type RequestOptions = RequestInit & { key?: string };

/**
 * The API with its dependencies, on a separate database. Its agents: `reader`, and `brief`, whose prompts have at most
 * 10 characters.
 */
export interface TestApi {
  /** Dependencies for another server on the same database. */
  readonly deps: ApiDeps;
  readonly api: Api;
  readonly database: Database;
  readonly queue: Queue;
  readonly rules: Config;
  /** The key of an application's server: every scope but `admin`. */
  readonly plainKey: string;
  /** Creates a key: an application's, unless `changes` say otherwise. */
  makeKey(changes?: { scopes?: readonly Scope[]; user?: string; team?: string }): Promise<string>;
  /** Sends a request with the key of an operator, or with `key`. */
  request(path: string, options?: RequestOptions): Promise<Response>;
  /** Posts a body as `application/json`: a text unchanged, anything else as JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Submits a run of `reader`, and expects that it is accepted. */
  submit(changes?: object): Promise<RunResource>;
  /** Claims up to `limit` runs of an agent, by default of `reader`, as a worker does. */
  claimUpTo(limit: number, agent?: string): Promise<readonly Claim[]>;
  /** Claims the next run of `reader`. */
  claim(): Promise<Claim>;
  /** Ends an attempt as its worker does: with success, or, with `detail`, with `provider_auth`. */
  finish(claimed: Claim, detail?: string): Promise<unknown>;
  /** Starts another server on the same database, with its own limits. Returns a function that sends requests to it. */
  startServer(limits: LonghaulConfig['limits']): TestApi['request'];
  close(): Promise<void>;
}

const agents = { reader: { tools: ['Read'] }, brief: { tools: [], limits: { maxPromptLength: 10 } } };

interface StartOptions {
  /** Defaults to no rate limits. */
  readonly limits?: LonghaulConfig['limits'];
  /** Defaults to public addresses only. */
  readonly webhooks?: LonghaulConfig['webhooks'];
  readonly log?: Logger;
}

export async function startApi(
  kind: (typeof DATABASE_KINDS)[number],
  { limits = { perUser: { runsPerMinute: false } }, webhooks, log = createLog('error') }: StartOptions = {},
): Promise<TestApi> {
  const resolve = (given: LonghaulConfig['limits']) =>
    resolveConfig({ input: { agents, limits: given, webhooks }, baseDir: '/', env: {} });
  const config = resolve(limits);
  const { database, queue, remove } = await createQueueDatabase(kind, ['reader', 'brief', HEALTH_AGENT]);
  const hub = await createEventHub(database);
  const access = await openAccess({ database, log });
  const apiDeps = { access, config, database, queue, hub, version: '0.0.0', basePath: '/', log };
  const failures: unknown[] = [];
  const startServer = (server: Config) => {
    const api = createApi({ ...apiDeps, config: server });
    holdToContract(api, failures);
    return api;
  };
  const api = startServer(config);
  const [adminKey, plainKey] = [generateKey(), generateKey()];
  await storeKey(database, { key: adminKey, name: 'admin', scopes: ['admin'] });
  await storeKey(database, { key: plainKey, name: 'application', scopes: ['runs:read', 'runs:write', 'approvals'] });

  const makeKey: TestApi['makeKey'] = async (changes) => {
    const key = generateKey();
    await storeKey(database, { key, name: 'made', scopes: ['runs:read', 'runs:write', 'approvals'], ...changes });
    return key;
  };
  const request = toRequest(api, adminKey);
  const post: TestApi['post'] = (path, body, headers = {}) =>
    request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const deps = { database, queue, rules: config, log: apiDeps.log };
  const claimUpTo = async (limit: number, agent = 'reader') => {
    const agents = new Set([agent]);
    return (await claimRuns(deps, { queue: agent, workerId: createId(), limit, agents })).claims;
  };

  return {
    deps: apiDeps,
    api,
    database,
    queue,
    rules: config,
    plainKey,
    makeKey,
    request,
    startServer: (given) => toRequest(startServer(resolve(given)), adminKey),
    post,
    async submit(changes = {}) {
      const response = await post('/v1/runs', { agent: 'reader', prompt: 'hello', ...changes });
      expect(response.status).toBe(202);
      return (await response.json()) as RunResource;
    },
    claimUpTo,
    claim: async () => (await claimUpTo(1))[0]!,
    finish: (claimed, detail) =>
      settleAttempt(deps, {
        lease: claimed.lease,
        settlement: {
          ...settlement,
          ...(detail !== undefined && { outcome: { status: 'failed', code: 'provider_auth', detail } }),
          metered: { costMicros: 0, models: {} },
          reported: { costMicros: 1_500, models: {} },
        },
      }),
    async close() {
      await access.close();
      await hub.close();
      await remove();
      // Includes responses over HTTP, where a failed check looks like a failed request.
      expect(failures).toEqual([]);
    },
  };
}

/** Returns a function that sends requests to a server, with `adminKey` unless they have another key. */
function toRequest(server: Api, adminKey: string): TestApi['request'] {
  return async (path, { key = adminKey, headers, ...rest } = {}) =>
    server.request(path, {
      ...rest,
      headers: { authorization: `Bearer ${key}`, ...(headers as Record<string, string>) },
    });
}
