import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createId } from '../../core/ids.ts';
import { startWebhookBench, type WebhookBench } from '../../webhook/webhooks.fixture.ts';
import { startApi } from '../api.fixture.ts';
import type { CreatedWebhookResource, Problem, TokenResource, WebhookResource } from '../contract.ts';

const URL_OF_HOOK = 'http://127.0.0.1:4999/hook?key=hunter2';

describe('webhooks over HTTP', () => {
  let bench: WebhookBench;
  beforeAll(async () => {
    bench = await startWebhookBench('embedded');
  });
  afterAll(() => bench.close());

  const statusOf = async (path: string, { key = bench.plainKey, ...init }: RequestInit & { key?: string } = {}) =>
    (await bench.request(path, { key, ...init })).status;

  it('are created with a secret that is shown only once, listed, read and deleted', async () => {
    const made = await bench.createWebhook({
      url: URL_OF_HOOK,
      events: ['run.failed', 'run.failed'],
      description: 'x',
    });
    const { secret, ...webhook } = made;
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(webhook).toMatchObject({ url: URL_OF_HOOK, events: ['run.failed'], description: 'x', disabledAt: null });
    const all = await bench.createWebhook({ url: URL_OF_HOOK });
    expect(all.events).toEqual(['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting']);
    const list = async (query = '') =>
      bench.call<{ data: WebhookResource[]; nextCursor: string | null }>(`/v1/webhooks${query}`);
    const { data } = await list();
    expect(data.map(({ id }) => id)).toEqual([all.id, made.id]);
    expect(JSON.stringify(data)).not.toContain('whsec_');
    const { nextCursor } = await list('?limit=1');
    expect((await list(`?limit=1&cursor=${nextCursor}`)).data).toEqual([webhook]);
    expect(await bench.call(`/v1/webhooks/${made.id}`)).toEqual(webhook);
    for (const { id } of [made, all]) await bench.removeWebhook(id);
    expect((await list()).data).toEqual([]);
    expect(await statusOf(`/v1/webhooks/${made.id}`)).toBe(404);
    const { rows } = await sql<{ action: string; data: string }>`
      select action, data from longhaul.audit where subject = ${made.id} order by id`.execute(bench.database.sql);
    expect(rows.map(({ action }) => action)).toEqual(['webhook.created', 'webhook.removed']);
    expect(JSON.stringify(rows)).not.toMatch(/hunter2|whsec_/);
  });

  it('belong to the calling API key, and operators see all of them', async () => {
    const { id, keyId } = await bench.createWebhook({ url: URL_OF_HOOK });
    const other = await bench.makeKey();
    const test = (await bench.call<{ id: string }>(`/v1/webhooks/${id}/test`, { method: 'POST' })).id;
    for (const [path, method] of [
      [`/v1/webhooks/${id}`, 'GET'],
      [`/v1/webhooks/${id}`, 'DELETE'],
      [`/v1/webhooks/${id}/deliveries`, 'GET'],
      [`/v1/webhooks/${id}/test`, 'POST'],
      [`/v1/webhooks/${id}/rotate`, 'POST'],
      [`/v1/webhooks/deliveries/${test}/redeliver`, 'POST'],
      [`/v1/webhooks/${createId()}`, 'GET'],
      [`/v1/runs/${createId()}/deliveries`, 'GET'],
    ] as const) {
      expect(await statusOf(path, { key: other, method })).toBe(404);
    }
    expect(await bench.call('/v1/webhooks', { key: other })).toMatchObject({ data: [] });
    const ofAll = (await (await bench.request('/v1/webhooks')).json()) as { data: WebhookResource[] };
    expect(ofAll.data).toMatchObject([{ id, keyId }]);
    const run = await bench.submitAs(bench.plainKey, { webhookUrl: URL_OF_HOOK });
    await bench.call(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    const seen = async (key: string) => (await bench.deliveriesOf(`/v1/runs/${run.id}`, key)).length;
    expect([await seen(bench.plainKey), await seen(other)]).toEqual([2, 0]);
    expect(await statusOf(`/v1/runs/${run.id}/deliveries`, { key: await bench.makeKey({ user: 'ben' }) })).toBe(404);
    expect((await bench.request(`/v1/webhooks/${id}`, { method: 'DELETE' })).status).toBe(200);
  });

  it('are for keys that may submit and read runs, not for tokens', async () => {
    const { token } = await bench.call<TokenResource>('/v1/tokens', { method: 'POST', body: { user: 'ann' } });
    const writer = await bench.makeKey({ scopes: ['runs:write'] });
    const reader = await bench.makeKey({ scopes: ['runs:read'] });
    const run = await bench.submitAs(token);
    for (const [key, path, method, body] of [
      [token, '/v1/webhooks', 'POST', { url: URL_OF_HOOK }],
      [token, '/v1/webhooks', 'GET'],
      [token, '/v1/webhooks/secret', 'GET'],
      [token, '/v1/webhooks/secret/rotate', 'POST'],
      [token, `/v1/runs/${run.id}/deliveries`, 'GET'],
      [token, '/v1/runs', 'POST', { agent: 'reader', prompt: 'x', webhookUrl: URL_OF_HOOK }],
      [writer, '/v1/webhooks', 'POST', { url: URL_OF_HOOK }],
      [writer, '/v1/runs', 'POST', { agent: 'reader', prompt: 'x', webhookUrl: URL_OF_HOOK }],
      [reader, '/v1/webhooks', 'POST', { url: URL_OF_HOOK }],
    ] as const) {
      expect(await bench.call<Problem>(path, { key, method, body })).toMatchObject({ status: 403, code: 'forbidden' });
    }
  });

  it('have one secret for each API key, which only that key reads and rotates', async () => {
    const [mine, others] = [await bench.keySecret(), await bench.keySecret(await bench.makeKey())];
    expect(mine).toMatch(/^whsec_/);
    expect(others).not.toBe(mine);
    expect(await bench.keySecret()).toBe(mine);
    const rotated = await bench.call<{ secret: string; previousUntil: string | null }>('/v1/webhooks/secret/rotate', {
      method: 'POST',
    });
    expect(rotated.previousUntil).not.toBeNull();
    expect(rotated.secret).not.toBe(mine);
    expect(await bench.keySecret()).toBe(rotated.secret);
  });

  it('reject an invalid URL, and more webhooks than a key may have', async () => {
    const strict = await startApi('embedded');
    try {
      for (const [body, path] of [
        [{}, 'url'],
        [{ url: 7 }, 'url'],
        [{ url: 'http://example.com' }, 'url'],
        [{ url: 'https://169.254.169.254/' }, 'url'],
        [{ url: 'https://example.com', events: [] }, 'events'],
        [{ url: 'https://example.com', events: ['run.started'] }, 'events.0'],
        [{ url: 'https://example.com', secret: 'x' }, 'secret'],
      ] as const) {
        const refused = await strict.post('/v1/webhooks', body);
        expect(refused.status).toBe(400);
        expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
      }
      for (const webhookUrl of ['http://example.com', 'https://127.1', 'https://u:p@example.com', '']) {
        const refused = await strict.post('/v1/runs', { agent: 'reader', prompt: 'x', webhookUrl });
        expect(refused.status).toBe(400);
        expect(((await refused.json()) as Problem).errors?.map((error) => error.path)).toEqual(['webhookUrl']);
      }
      for (let count = 0; count < 20; count++) {
        expect((await strict.post('/v1/webhooks', { url: 'https://example.com' })).status).toBe(201);
      }
      expect((await strict.post('/v1/webhooks', { url: 'https://example.com' })).status).toBe(409);
    } finally {
      await strict.close();
    }
  });

  it('count as part of an idempotent request, and are not shown with the run', async () => {
    const submit = (webhookUrl: string) =>
      bench.post('/v1/runs', { agent: 'reader', prompt: 'x', webhookUrl }, { 'idempotency-key': 'hooked' });
    const first = await submit(URL_OF_HOOK);
    expect(first.status).toBe(202);
    expect(await first.text()).not.toContain('hunter2');
    expect((await submit(URL_OF_HOOK)).status).toBe(202);
    expect((await submit(`${URL_OF_HOOK}2`)).status).toBe(422);
  });

  it('can be named in a batch as in a submission', async () => {
    const submit = (webhookUrl: string) =>
      bench.post('/v1/runs/batch', { runs: [{ agent: 'reader', prompt: 'x', webhookUrl }] });
    expect((await submit(URL_OF_HOOK)).status).toBe(202);
    expect(await (await submit('https://169.254.169.254')).json()).toMatchObject({
      status: 400,
      errors: [{ path: 'runs[0].webhookUrl' }],
    });
  });

  it('reject ids that are not UUIDs', async () => {
    for (const path of ['/v1/webhooks/x', '/v1/webhooks/deliveries/x/redeliver']) {
      const method = path.endsWith('x') ? 'GET' : 'POST';
      expect(await statusOf(path, { method })).toBe(400);
    }
    const made: CreatedWebhookResource = await bench.createWebhook({ url: URL_OF_HOOK });
    expect(await statusOf(`/v1/webhooks/${made.id}/deliveries?status=lost`)).toBe(400);
    await bench.removeWebhook(made.id);
  });
});
