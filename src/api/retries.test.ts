import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createId } from '../core/ids.ts';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, RunResource, SkippedRun } from './contract.ts';

describe.each(DATABASE_KINDS)('retrying runs by hand, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  /** A run that has failed as if a worker had executed it. */
  async function failedRun(changes: object = {}, code = 'provider_overloaded'): Promise<RunResource> {
    const response = await service.post('/v1/runs', { agent: 'reader', prompt: 'hello', ...changes });
    const run = (await response.json()) as RunResource;
    await service.request(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    await sql`update longhaul.runs set status = 'failed', error_code = ${code} where id = ${run.id}`.execute(
      service.database.sql,
    );
    return run;
  }
  const retry = (id: string, headers: Record<string, string> = {}) =>
    service.request(`/v1/runs/${id}/retry`, { method: 'POST', headers });
  async function retryMany(selection: object) {
    const response = await service.post('/v1/runs/retry', selection);
    expect(response.status).toBe(202);
    return (await response.json()) as { data: RunResource[]; skipped: SkippedRun[] };
  }

  it('creates a new run from a failed run, which does not change', async () => {
    const old = await failedRun({ user: 'ann', metadata: { a: 1 }, priority: 4, limits: { maxTurns: 3 } });
    const response = await retry(old.id);
    expect(response.status).toBe(202);
    const run = (await response.json()) as RunResource;
    expect(response.headers.get('location')).toBe(`/v1/runs/${run.id}`);
    expect(run).toMatchObject({
      status: 'queued',
      retryOf: old.id,
      prompt: 'hello',
      user: 'ann',
      metadata: { a: 1 },
      priority: 4,
      limits: { maxTurns: 3, maxBudgetUsd: 1 },
    });
    expect(run.id).not.toBe(old.id);
    const kept = (await (await service.request(`/v1/runs/${old.id}`)).json()) as RunResource;
    expect(kept).toMatchObject({ status: 'failed', error: { code: 'provider_overloaded' } });
  });

  it('returns the same new run for the same idempotency key', async () => {
    const old = await failedRun();
    const key = { 'idempotency-key': createId() };
    const [first, second] = await Promise.all([retry(old.id, key), retry(old.id, key)]);
    expect(((await first.json()) as RunResource).id).toBe(((await second.json()) as RunResource).id);
  });

  it('rejects a run that has not failed, and an unknown run', async () => {
    const response = await service.post('/v1/runs', { agent: 'reader', prompt: 'hello' });
    const { id } = (await response.json()) as RunResource;
    const refused = await retry(id);
    expect(refused.status).toBe(409);
    expect((await refused.json()) as Problem).toMatchObject({ code: 'conflict' });
    expect((await retry(createId())).status).toBe(404);
    expect((await retry('x')).status).toBe(400);
  });

  it('retries many runs by id, and reports the skipped runs with the reason', async () => {
    const [one, two] = [await failedRun(), await failedRun()];
    const missing = createId();
    const { data, skipped } = await retryMany({ ids: [one.id, missing, two.id, one.id] });
    expect(data.map(({ retryOf }) => retryOf)).toEqual([one.id, two.id]);
    expect(skipped).toMatchObject([{ id: missing, code: 'run_not_found' }]);
  });

  it('retries a poison run only when it is named, by its id or its code', async () => {
    const agent = 'brief';
    const [run, other] = [await failedRun({ agent }, 'poison_run'), await failedRun({ agent }, 'poison_run')];
    const { data, skipped } = await retryMany({ agent });
    expect(data).toEqual([]);
    expect(skipped).toMatchObject([
      { id: other.id, code: 'conflict', message: expect.stringContaining('took two workers down') as string },
      { id: run.id, code: 'conflict' },
    ]);
    expect((await retryMany({ ids: [run.id] })).data).toMatchObject([{ retryOf: run.id }]);
    expect((await retryMany({ agent, errorCode: 'poison_run' })).data).toMatchObject([{ retryOf: other.id }]);
  });

  it('retries the runs that failed with a code, each only once for repeated requests', async () => {
    const runs = [await failedRun({}, 'hung'), await failedRun({}, 'hung'), await failedRun({}, 'hung')];
    const first = await retryMany({ errorCode: 'hung', limit: 2 });
    expect(first.data.map(({ retryOf }) => retryOf)).toEqual([runs[2]!.id, runs[1]!.id]);
    expect((await retryMany({ errorCode: 'hung' })).data.map(({ retryOf }) => retryOf)).toEqual([runs[0]!.id]);
    expect(await retryMany({ errorCode: 'hung' })).toEqual({ data: [], skipped: [], nextCursor: null });
  });

  it('retries each run once, even for two concurrent requests', async () => {
    const runs = await Promise.all(Array.from({ length: 10 }, () => failedRun({}, 'cli_crashed')));
    const answers = await Promise.all([1, 2].map(() => retryMany({ errorCode: 'cli_crashed' })));
    const retried = answers.flatMap(({ data }) => data.map(({ retryOf }) => retryOf));
    expect(new Set(retried)).toEqual(new Set(runs.map(({ id }) => id)));
    expect(retried).toHaveLength(runs.length);
  });

  it('rejects a contradictory selection, naming the field', async () => {
    for (const [selection, path] of [
      [{ ids: [createId()], agent: 'reader' }, 'agent'],
      [{ ids: [] }, 'ids'],
      [{ ids: ['x'] }, 'ids.0'],
      [{ limit: 0 }, 'limit'],
      [{ stauts: 'failed' }, 'stauts'],
    ] as const) {
      const response = await service.post('/v1/runs/retry', selection);
      expect(response.status).toBe(400);
      expect(((await response.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
    }
  });

  it('lists failed runs by their code', async () => {
    const run = await failedRun({}, 'memory_exceeded');
    const page = await service.request('/v1/runs?status=failed&errorCode=memory_exceeded');
    expect(((await page.json()) as { data: RunResource[] }).data.map(({ id }) => id)).toEqual([run.id]);
  });
});
