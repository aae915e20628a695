import { Webhook } from 'standardwebhooks';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { RunResource, WebhookDeliveryResource } from '../api/contract.ts';
import { WEBHOOK_ATTEMPTS, WEBHOOK_DELAYS_SECONDS } from '../core/webhooks.ts';
import { settlement } from '../run/run.fixture.ts';
import { settleAttempt } from '../run/end/settle.ts';
import { useWebhooks } from './webhooks.fixture.ts';

interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly run: RunResource; readonly isTruncated: boolean };
}

describe.each(DATABASE_KINDS)('webhooks, on the %s database', (kind) => {
  const suite = useWebhooks(kind);
  const { create, finish, settled } = suite;
  const read = (index = 0) => JSON.parse(suite.receiver.received[index]!.body) as Told;
  const headersOf = (index = 0) => suite.receiver.received[index]!.headers as Record<string, string>;

  it('report a run’s end as the API shows it, signed so that the standard’s own library verifies it', async () => {
    const { id, secret } = await create();
    await suite.bench.startServer();
    const runId = await finish({ metadata: { ticket: 7 } }, 'connect ECONNREFUSED 10.0.0.7');
    await suite.receiver.until(1);
    const [{ body }] = suite.receiver.received as [(typeof suite.receiver.received)[number]];
    const told = new Webhook(secret).verify(body, headersOf()) as Told;
    const { prompt, ...run } = await suite.bench.call<RunResource>(`/v1/runs/${runId}`);
    expect(prompt).toBe('hello');
    expect(told).toEqual({
      type: 'run.failed',
      timestamp: expect.any(String) as string,
      data: { run, isTruncated: false },
    });
    expect(body).not.toContain('ECONNREFUSED');
    expect(() => new Webhook('whsec_b3RoZXItc2VjcmV0').verify(body, headersOf())).toThrow('No matching signature');
    expect(await settled(`/v1/webhooks/${id}`, 'delivered')).toMatchObject({
      id: headersOf()['webhook-id'],
      webhookId: id,
      runId,
      type: 'run.failed',
      url: suite.receiver.url,
      attempts: 1,
      responseStatus: 204,
      error: null,
      nextAttemptAt: null,
      lastAttemptAt: expect.any(String) as string,
      deliveredAt: expect.any(String) as string,
    });
  });

  it('report each end and each wait, of the requested types', async () => {
    await create();
    await create({ events: ['run.cancelled'], url: `${suite.receiver.url}/ends` });
    const succeeded = await finish();
    await finish({}, 'no');
    const cancelled = await suite.bench.submitAs(suite.bench.plainKey);
    await suite.bench.call(`/v1/runs/${cancelled.id}/cancel`, { method: 'POST' });
    await suite.bench.submitAs(suite.bench.plainKey);
    const claimed = await suite.bench.claim();
    await settleAttempt(
      { ...suite.bench.deps, rules: suite.bench.rules },
      {
        lease: claimed.lease,
        settlement: {
          ...settlement,
          outcome: { status: 'failed', code: 'provider_rate_limit', detail: '' },
          retryAfterSeconds: 100,
        },
      },
    );
    await suite.bench.startServer();
    await suite.receiver.until(5);
    const told = suite.receiver.received.map(({ path }, index) => `${path} ${read(index).type}`).toSorted();
    expect(told).toEqual([
      '/hook run.cancelled',
      '/hook run.failed',
      '/hook run.succeeded',
      '/hook run.waiting',
      '/hook/ends run.cancelled',
    ]);
    const waiting = suite.receiver.received.map((_, index) => read(index)).find(({ type }) => type === 'run.waiting');
    expect(waiting?.data.run).toMatchObject({ status: 'waiting', waitingFor: 'provider_limit' });
    expect((await suite.bench.deliveriesOf(`/v1/runs/${succeeded}`)).map(({ type }) => type)).toEqual([
      'run.succeeded',
    ]);
    await suite.bench.call(`/v1/runs/${claimed.run.id}/cancel`, { method: 'POST' });
  });

  it('have a delivery due for every such event, written with it', async () => {
    await create();
    await finish();
    await finish({}, 'no');
    const { rows } = await sql<{ missing: number }>`
      select count(*)::int as missing from longhaul.run_events as event join longhaul.runs on runs.id = run_id
       where event.type in ('run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting')
         and runs.created_at > (select created_at from longhaul.webhook_endpoints order by id desc limit 1)
         and not exists (select from longhaul.webhook_deliveries as delivery
                          where delivery.run_id = event.run_id and delivery.type = event.type)`.execute(
      suite.bench.database.sql,
    );
    expect(rows).toEqual([{ missing: 0 }]);
  });

  it('are posted to the address that a submission names, signed with its API key’s own secret', async () => {
    await suite.bench.startServer();
    const runId = await finish({ webhookUrl: suite.receiver.url });
    await suite.receiver.until(1);
    const secret = await suite.bench.keySecret();
    expect(new Webhook(secret).verify(suite.receiver.received[0]!.body, headersOf())).toMatchObject({
      type: 'run.succeeded',
    });
    expect(await settled(`/v1/runs/${runId}`, 'delivered')).toMatchObject({ webhookId: null, url: suite.receiver.url });
  });

  it('of a run that an operator retries are posted to the receivers of the first run', async () => {
    const { secret } = await create();
    const runId = await finish({ webhookUrl: `${suite.receiver.url}/own` }, 'no');
    const retry = (await (
      await suite.bench.request(`/v1/runs/${runId}/retry`, { method: 'POST' })
    ).json()) as RunResource;
    await suite.bench.finish(await suite.bench.claim());
    await suite.bench.startServer();
    await suite.receiver.until(4);
    const ofRetry = suite.receiver.received.filter((_, index) => read(index).data.run.id === retry.id);
    expect(ofRetry.map(({ path }) => path).toSorted()).toEqual(['/hook', '/hook/own']);
    for (const { path, headers, body } of ofRetry) {
      const signedWith = path === '/hook' ? secret : await suite.bench.keySecret();
      expect(new Webhook(signedWith).verify(body, headers as Record<string, string>)).toMatchObject({
        type: 'run.succeeded',
      });
    }
  });

  it('are retried after longer and longer waits for a day, with one id and body', async () => {
    const { id, secret } = await create();
    suite.receiver.state.answer = (response) => response.writeHead(503).end('upstream\nis down');
    await finish();
    const server = await suite.bench.startServer();
    for (const [index, seconds] of WEBHOOK_DELAYS_SECONDS.entries()) {
      await suite.receiver.until(index + 1);
      // Until the attempt is recorded, it has the time of the previous one.
      const isNoted = async () => {
        const { attempts, lastAttemptAt, nextAttemptAt } = (await suite.bench.deliveriesOf(`/v1/webhooks/${id}`))[0]!;
        return attempts === index + 1 && Date.parse(nextAttemptAt!) > Date.parse(lastAttemptAt!);
      };
      await expect.poll(isNoted, { timeout: 5_000 }).toBe(true);
      const [delivery] = await suite.bench.deliveriesOf(`/v1/webhooks/${id}`);
      expect(delivery).toMatchObject({
        status: 'pending',
        responseStatus: 503,
        error: 'answered 503',
        responseText: 'upstream is down',
      });
      const waitMs = Date.parse(delivery!.nextAttemptAt!) - suite.bench.now();
      expect(waitMs / 1_000).toBeGreaterThan(seconds * 0.89 - 3);
      expect(waitMs / 1_000).toBeLessThan(seconds * 1.11);
      suite.bench.pass(waitMs + 1);
      server.wake();
    }
    await suite.receiver.until(WEBHOOK_ATTEMPTS);
    expect(await settled(`/v1/webhooks/${id}`, 'failed')).toMatchObject({
      attempts: WEBHOOK_ATTEMPTS,
      nextAttemptAt: null,
    });
    expect(WEBHOOK_DELAYS_SECONDS.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(22 * 3_600);
    expect(new Set(suite.receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(suite.receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { headers, body } of suite.receiver.received)
      new Webhook(secret).verify(body, headers as Record<string, string>);
    expect(suite.bench.lines.at(-1)).toContain('given up');
    expect(suite.bench.lines.join('')).not.toContain(suite.receiver.url);
  });

  it('end at a receiver that answers that it is gone', async () => {
    const { id } = await create();
    suite.receiver.state.answer = (response) => response.writeHead(410).end();
    await suite.bench.startServer();
    await finish();
    const failed = await settled(`/v1/webhooks/${id}`, 'failed');
    expect(failed).toMatchObject({ attempts: 1, responseStatus: 410 });
    expect(await suite.bench.call(`/v1/webhooks/${id}`)).toMatchObject({ disabledAt: expect.any(String) as string });
    await finish();
    expect(await suite.bench.deliveriesOf(`/v1/webhooks/${id}`)).toHaveLength(1);
    const redeliver = `/v1/webhooks/deliveries/${failed.id}/redeliver`;
    for (const path of [redeliver, `/v1/webhooks/${id}/test`]) {
      expect(await suite.bench.call(path, { method: 'POST' })).toMatchObject({ status: 409 });
    }
  });

  it('are no longer posted when their API key is revoked, or they are removed', async () => {
    const key = await suite.bench.makeKey();
    const keyId = (await suite.bench.createWebhook({ url: suite.receiver.url }, key)).keyId;
    const { id } = await create();
    const run = await suite.bench.submitAs(key);
    await suite.bench.finish(await suite.bench.claim());
    const ofRemoved = await finish();
    await suite.bench.removeWebhook(id);
    await (await suite.bench.request(`/v1/keys/${keyId}`, { method: 'DELETE' })).json();
    await suite.bench.startServer();
    expect(await settled(`/v1/runs/${ofRemoved}`, 'failed')).toMatchObject({ error: 'its webhook was removed' });
    const { data } = (await (await suite.bench.request(`/v1/runs/${run.id}/deliveries`)).json()) as {
      data: WebhookDeliveryResource[];
    };
    expect(data).toMatchObject([{ status: 'failed', error: 'its API key was revoked' }]);
    expect(suite.receiver.received).toEqual([]);
  });

  it('receive only the runs that their API key submits and may see', async () => {
    const [bound, other] = [await suite.bench.makeKey({ user: 'ann' }), await suite.bench.makeKey()];
    await create({ url: `${suite.receiver.url}/ann` }, bound);
    await create({ url: `${suite.receiver.url}/other` }, other);
    await suite.bench.submitAs(bound);
    await suite.bench.finish(await suite.bench.claim());
    await finish({ user: 'ann' });
    await suite.bench.startServer();
    await suite.receiver.until(1);
    await suite.bench.stopServers();
    expect(suite.receiver.received.map(({ path }) => path)).toEqual(['/hook/ann']);
    await sql`delete from longhaul.webhook_endpoints`.execute(suite.bench.database.sql);
  });

  it('contain the beginning of long fields', async () => {
    await create();
    await suite.bench.submitAs(suite.bench.plainKey);
    const claimed = await suite.bench.claim();
    await settleAttempt(
      { ...suite.bench.deps, rules: suite.bench.rules },
      {
        lease: claimed.lease,
        settlement: {
          ...settlement,
          outcome: { status: 'succeeded', result: 'ü'.repeat(50_000), structuredOutput: { text: 'x'.repeat(50_000) } },
        },
      },
    );
    await suite.bench.startServer();
    await suite.receiver.until(1);
    const { run, isTruncated } = read().data;
    expect(isTruncated).toBe(true);
    expect(run.result).toHaveLength(16_000);
    expect(run.structuredOutput).toBeNull();
  });

  it('are deleted with their run', async () => {
    await create();
    const runId = await finish();
    await sql`delete from longhaul.runs where id = ${runId}`.execute(suite.bench.database.sql);
    expect((await sql`select from longhaul.webhook_deliveries`.execute(suite.bench.database.sql)).rows).toEqual([]);
  });

  it('can be tested', async () => {
    const { id, secret } = await create();
    await suite.bench.startServer();
    const test = await suite.bench.call<WebhookDeliveryResource>(`/v1/webhooks/${id}/test`, { method: 'POST' });
    expect(test).toMatchObject({ type: 'webhook.test', runId: null, status: 'pending' });
    await suite.receiver.until(1);
    expect(new Webhook(secret).verify(suite.receiver.received[0]!.body, headersOf())).toEqual({
      type: 'webhook.test',
      timestamp: expect.any(String) as string,
      data: { webhookId: id },
    });
    await settled(`/v1/webhooks/${id}`, 'delivered');
  });
});
