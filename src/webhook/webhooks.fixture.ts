import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi } from '../api/api.fixture.ts';
import type {
  CreatedWebhookResource,
  NewWebhook,
  WebhookDeliveryResource,
  WebhookSecretResource,
} from '../api/contract.ts';
import { startReceiver, type Receiver } from './receiver.fixture.ts';
import { startWebhooks, type Webhooks } from './start-webhooks.ts';

type Page = { data: WebhookDeliveryResource[]; nextCursor: string | null };

/** Starts the API with webhook delivery, receivers on this machine, and a clock that tests can advance. */
export async function startWebhookBench(kind: (typeof DATABASE_KINDS)[number]) {
  const service = await startApi(kind, { webhooks: { allowHttp: true, allowPrivateAddresses: true } });
  const { plainKey, request } = service;
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const started: Webhooks[] = [];
  let ahead = 0;

  const call = async <T>(path: string, { method = 'GET', body, key = plainKey }: Call = {}): Promise<T> => {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? { method, key } : { method, key, headers, body: JSON.stringify(body) };
    return (await (await request(path, init)).json()) as T;
  };

  return {
    ...service,
    /** The logged lines. */
    lines,
    call,
    /** Delivers in this process, as another server. */
    async startServer(): Promise<Webhooks> {
      const webhooks = await startWebhooks({
        database: service.database,
        config: service.rules.webhooks,
        log,
        clock: () => new Date(Date.now() + ahead),
        tickMs: 3_600_000,
      });
      started.push(webhooks);
      return webhooks;
    },
    /** Advances the clock. Servers poll when they are woken. */
    pass(ms: number) {
      ahead += ms;
    },
    now: () => Date.now() + ahead,
    createWebhook: (body: NewWebhook, key = plainKey) =>
      call<CreatedWebhookResource>('/v1/webhooks', { method: 'POST', body, key }),
    removeWebhook: (id: string) => call(`/v1/webhooks/${id}`, { method: 'DELETE' }),
    keySecret: async (key = plainKey) => (await call<WebhookSecretResource>('/v1/webhooks/secret', { key })).secret,
    deliveriesOf: async (path: string, key = plainKey) => (await call<Page>(`${path}/deliveries`, { key })).data,
    /** Submits with an application's key. */
    submitAs: (key: string, changes: object = {}) =>
      call<{ id: string }>('/v1/runs', { method: 'POST', key, body: { agent: 'reader', prompt: 'hello', ...changes } }),
    async stopServers() {
      await Promise.all(started.splice(0).map((webhooks) => webhooks.stop()));
    },
    async close() {
      await Promise.all(started.splice(0).map((webhooks) => webhooks.stop()));
      await service.close();
    },
  };
}

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly key?: string;
}

export type WebhookBench = Awaited<ReturnType<typeof startWebhookBench>>;

/**
 * Shares a bench among the tests of a suite, with a receiver for each test. Everything that a test creates is deleted
 * after it.
 */
export function useWebhooks(kind: (typeof DATABASE_KINDS)[number]) {
  let bench: WebhookBench;
  let receiver: Receiver;
  const made: string[] = [];

  beforeAll(async () => {
    bench = await startWebhookBench(kind);
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await bench.stopServers();
    for (const id of made.splice(0)) await bench.removeWebhook(id);
    await sql`delete from longhaul.webhook_deliveries`.execute(bench.database.sql);
    await receiver.close();
  });
  afterAll(() => bench.close());

  return {
    get bench() {
      return bench;
    },
    get receiver() {
      return receiver;
    },
    /** Creates a webhook that posts to the receiver. */
    async create(changes: Partial<NewWebhook> = {}, key?: string): Promise<CreatedWebhookResource> {
      const webhook = await bench.createWebhook({ url: receiver.url, ...changes }, key);
      made.push(webhook.id);
      return webhook;
    },
    /** Submits a run with the application's key and ends it; returns its id. */
    async finish(changes: object = {}, detail?: string): Promise<string> {
      const { id } = await bench.submitAs(bench.plainKey, changes);
      await bench.finish(await bench.claim(), detail);
      return id;
    },
    /** Returns the newest delivery when it has `status`: that is written after the response. */
    async settled(path: string, status: WebhookDeliveryResource['status']): Promise<WebhookDeliveryResource> {
      await expect.poll(async () => (await bench.deliveriesOf(path))[0]?.status, { timeout: 5_000 }).toBe(status);
      return (await bench.deliveriesOf(path))[0]!;
    },
  };
}
