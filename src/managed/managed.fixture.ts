import Anthropic from 'anthropic-1.14';
import Anthropic112 from 'anthropic-1.12';
import Anthropic0120 from 'anthropic-0.120';
import { expect } from 'vitest';
import type { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import { openAccess } from '../access/access.ts';
import { generateKey, storeKey } from '../access/keys.ts';
import type { Scope } from '../access/scopes.ts';
import { listen } from '../api/listen.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { collectLog } from '../core/log.fixture.ts';
import { createEventHub } from '../stream/event-hub.ts';
import type { ManagedDeps } from './deps.ts';
import { createManagedApi, MANAGED_PATH } from './managed.ts';

/** The versions of the official client that Longhaul is tested with. */
export const CLIENT_VERSIONS = ['1.14', '1.12', '0.120'] as const;

export type ClientVersion = (typeof CLIENT_VERSIONS)[number];

const agents: LonghaulConfig['agents'] = {
  managed: { tools: ['Read', 'Bash', 'Edit', 'WebFetch'] },
  reader: { tools: ['Read', 'Grep', 'TodoWrite'], ask: ['Grep'], systemPrompt: 'A secret of the operator.' },
};

/**
 * Serves the routes for clients of Claude Managed Agents on a local port, on a separate database. Clients may define
 * agents within the agent `managed`, with MCP servers at `mcp.example.com`, unless `changes` say otherwise.
 */
export async function startManaged(
  changes: Partial<LonghaulConfig> = {},
  kind: (typeof DATABASE_KINDS)[number] = 'embedded',
) {
  const resolve = (given: Partial<LonghaulConfig>) => {
    const managedAgents = { template: 'managed', mcpHosts: ['mcp.example.com'] };
    return resolveConfig({ input: { agents, managedAgents, ...given }, baseDir: '/', env: {} });
  };
  const config = resolve(changes);
  const { database, queue, remove } = await createQueueDatabase(kind, [...Object.keys(agents), HEALTH_AGENT]);
  const { log, lines } = collectLog();
  const hub = await createEventHub(database);
  const access = await openAccess({ database, log });
  const deps: ManagedDeps = { access, config, database, queue, hub, isLeaving: () => false, log };
  const serve = (given: ManagedDeps) => listen({ fetch: createManagedApi(given), host: '127.0.0.1', port: 0 });
  const servers = [await serve(deps)];
  const [{ url }] = servers as [(typeof servers)[0]];

  const makeKey = async (scopes: readonly Scope[]) => {
    const key = generateKey();
    await storeKey(database, { key, name: scopes.join(' '), scopes });
    return key;
  };
  const adminKey = await makeKey(['admin']);

  return {
    deps,
    database,
    config,
    /** The logged lines. */
    lines,
    adminKey,
    makeKey,
    /** A client of each version, with the key of an operator. */
    clients: createClients({ url, key: adminKey }),
    /** A client of the newest version with another key. */
    clientOf: (key: string) => createClients({ url, key })['1.14'],
    /** Starts another server on the same database, with another configuration; returns its client. */
    async restart(given: Partial<LonghaulConfig>) {
      const server = await serve({ ...deps, config: resolve(given) });
      servers.push(server);
      return createClients({ url: server.url, key: adminKey })['1.14'];
    },
    /** Sends a request without the client. */
    fetch: (path: string, { headers, ...rest }: RequestInit = {}) =>
      fetch(`${url}${MANAGED_PATH}${path}`, {
        ...rest,
        headers: { authorization: `Bearer ${adminKey}`, ...(headers as Record<string, string>) },
      }),
    async close() {
      for (const server of servers) await server.close();
      await access.close();
      await hub.close();
      await remove();
    },
  };
}

export type TestManaged = Awaited<ReturnType<typeof startManaged>>;

/** The client of each version. All have the type of the newest, whose calls here are the same. */
function createClients({ url, key }: { url: string; key: string }): Record<ClientVersion, Anthropic> {
  const options = { baseURL: `${url}${MANAGED_PATH}`, apiKey: key, authToken: null };
  return {
    '1.14': new Anthropic(options),
    '1.12': new Anthropic112(options) as unknown as Anthropic,
    '0.120': new Anthropic0120(options) as unknown as Anthropic,
  };
}

/** The parts of a refusal that a program can act on. */
export interface Refusal {
  readonly error: InstanceType<typeof Anthropic.APIError>;
  readonly status: number | undefined;
  readonly type: string | null;
  readonly code: string | null;
  readonly field: unknown;
  readonly message: string;
}

/** Expects that a call of the newest client is refused, and returns how. */
export async function refusalOf(call: PromiseLike<unknown>): Promise<Refusal> {
  const error: unknown = await Promise.resolve(call).then(
    () => expect.unreachable('The call was not refused.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Anthropic.APIError)) throw error;
  expect(error.requestID).toMatch(/^req_[a-z2-7]{26}$/);
  const { status, type, errorCode: code, apiMessage } = error;
  const details = error.details as { readonly field?: unknown } | null;
  return { error, status, type, code, field: details?.field, message: apiMessage ?? '' };
}

/** Expects that each call of the newest client is refused, and returns how. */
export function refusalsOf(calls: readonly PromiseLike<unknown>[]): Promise<Refusal[]> {
  return Promise.all(calls.map(refusalOf));
}

/** Reads all pages of a list. */
export async function readAll<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of pages) items.push(item);
  return items;
}
