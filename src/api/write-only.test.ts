import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from './api.fixture.ts';
import type { FileResource, RunResource, ScheduleResource } from './contract.ts';
import { ROUTES } from './routes.ts';

const SECRET = 'text that only callers with runs:read may see';

/** Tests the responses to a key with `runs:write` only. */
describe('a key that may submit but not read', () => {
  let service: TestApi;
  let writer: string;
  let finished: RunResource;
  let failed: RunResource;
  let queued: RunResource;
  let scheduled: ScheduleResource;
  let uploaded: FileResource;

  beforeAll(async () => {
    service = await startApi('embedded');
    writer = await service.makeKey({ scopes: ['runs:write'] });
    finished = await service.submit({ prompt: SECRET, metadata: { note: SECRET } });
    await service.finish(await service.claim());
    failed = await service.submit({ prompt: SECRET, metadata: { note: SECRET } });
    await service.finish(await service.claim(), SECRET);
    queued = await service.submit({ prompt: SECRET, metadata: { note: SECRET } });
    const made = await service.post('/v1/schedules', {
      agent: 'reader',
      prompt: SECRET,
      cron: '@yearly',
      metadata: { note: SECRET },
    });
    scheduled = (await made.json()) as ScheduleResource;
    const stored = await service.post('/v1/files', { name: SECRET, mediaType: 'text/plain', data: 'SGk=' });
    uploaded = (await stored.json()) as FileResource;
  });
  afterAll(() => service.close());

  const send = async (method: string, path: string, body?: object, key = '') => {
    const response = await service.request(path, {
      method,
      key: writer,
      headers: { 'content-type': 'application/json', ...(key !== '' && { 'idempotency-key': key }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
  const submission = { agent: 'reader', prompt: SECRET, metadata: { note: SECRET } };

  /** Requests about a run or schedule with a secret text. Idempotent requests are sent twice. */
  const requests: Readonly<Record<string, () => ReturnType<typeof send>>> = {
    'POST /v1/runs': () => send('POST', '/v1/runs', submission, 'once'),
    'POST /v1/runs/batch': () => send('POST', '/v1/runs/batch', { runs: [submission] }, 'many'),
    'POST /v1/runs/:id/cancel': () => send('POST', `/v1/runs/${finished.id}/cancel`),
    'POST /v1/runs/:id/retry': () => send('POST', `/v1/runs/${failed.id}/retry`, undefined, 'again'),
    'POST /v1/runs/retry': () => send('POST', '/v1/runs/retry', { ids: [failed.id, finished.id] }),
    'POST /v1/runs/cancel': () => send('POST', '/v1/runs/cancel', { ids: [queued.id, failed.id, finished.id] }),
    'POST /v1/runs/:id/messages': () => send('POST', `/v1/runs/${finished.id}/messages`, { prompt: SECRET }, 'say'),
    'POST /v1/files': () => send('POST', '/v1/files', { name: SECRET, mediaType: 'text/plain', data: 'SGk=' }),
    'DELETE /v1/files/:id': () => send('DELETE', `/v1/files/${uploaded.id}`),
    'POST /v1/schedules': () => send('POST', '/v1/schedules', { ...submission, cron: '@yearly' }),
    'PATCH /v1/schedules/:id': () => send('PATCH', `/v1/schedules/${scheduled.id}`, { name: 'mine' }),
    'POST /v1/schedules/:id/pause': () => send('POST', `/v1/schedules/${scheduled.id}/pause`),
    'POST /v1/schedules/:id/resume': () => send('POST', `/v1/schedules/${scheduled.id}/resume`),
    'POST /v1/schedules/:id/trigger': () => send('POST', `/v1/schedules/${scheduled.id}/trigger`, undefined, 'now'),
    'DELETE /v1/schedules/:id': () => send('DELETE', `/v1/schedules/${scheduled.id}`),
  };

  it('is tested with every route that it may call, except the webhook routes', () => {
    const writing = ROUTES.filter(({ access, tag }) => access === 'runs:write' && tag !== 'Webhooks');
    const routes = writing.map(({ method, pattern }) => `${method} ${pattern}`);
    expect(Object.keys(requests).sort()).toEqual(routes.sort());
  });

  it.each(Object.keys(requests))('sees neither prompt nor result in the response of %s', async (route) => {
    const first = await requests[route]!();
    expect(first.status).toBeLessThan(300);
    expect(first.text).not.toContain(SECRET);
  });

  it('sees which runs it cancelled, and the states of the others', async () => {
    const run = await service.submit({ prompt: SECRET, metadata: { note: SECRET } });
    const { status, text } = await send('POST', '/v1/runs/cancel', { ids: [run.id, failed.id] });
    expect(status).toBe(202);
    expect(text).not.toContain(SECRET);
    expect(JSON.parse(text)).toMatchObject({
      data: [{ id: run.id, status: 'cancelled', prompt: '', metadata: {}, result: null, costUsd: 0 }],
      skipped: [{ id: failed.id, code: 'conflict', message: `Run ${failed.id} has ended: it is failed.` }],
    });
  });

  it.each([
    ['q', 'secret'],
    ['metadata', [`note=${SECRET}`]],
    ['errorCode', 'provider_auth'],
    ['minCostUsd', 0.001],
    ['maxCostUsd', 0.001],
    ['minDurationSeconds', 1],
    ['maxDurationSeconds', 1],
  ])('cannot learn what runs contain by changing the runs that match %s', async (field, value) => {
    const run = await service.submit({ prompt: SECRET, metadata: { note: SECRET } });
    for (const path of ['/v1/runs/cancel', '/v1/runs/retry']) {
      const { status, text } = await send('POST', path, { agent: 'reader', [field]: value });
      expect(status).toBe(403);
      expect(JSON.parse(text)).toMatchObject({ code: 'forbidden', errors: [{ path: field }] });
    }
    const own = await send('POST', '/v1/runs/cancel', { agent: 'reader', status: 'queued', from: run.createdAt });
    expect(JSON.parse(own.text)).toMatchObject({ data: [{ id: run.id, status: 'cancelled' }] });
  });

  it('sees the state of a run, but not its result, when it repeats a request', async () => {
    const sent = JSON.parse((await send('POST', '/v1/runs', submission, 'repeated')).text) as RunResource;
    for (;;) {
      const claimed = await service.claim();
      await service.finish(claimed);
      if (claimed.run.id === sent.id) break;
    }
    const own = JSON.parse((await send('POST', '/v1/runs', submission, 'repeated')).text) as RunResource;
    const whole = (await (await service.request(`/v1/runs/${sent.id}`)).json()) as RunResource;
    expect(whole).toMatchObject({ result: 'done', costUsd: 0.0015, prompt: SECRET });
    expect(own).toMatchObject({
      id: sent.id,
      status: 'succeeded',
      finishedAt: whole.finishedAt,
      prompt: '',
      metadata: {},
      result: null,
      costUsd: 0,
      toolUses: {},
      deniedToolUses: {},
      turns: 0,
    });
  });
});
