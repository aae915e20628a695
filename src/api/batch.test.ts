import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, RunResource } from './contract.ts';

describe.each(DATABASE_KINDS)('a batch on the %s database', (kind) => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startApi(kind, {
      limits: { perUser: { runsPerMinute: false, usdPerDay: 2 }, perTeam: { usdPerDay: 2, whenReached: 'wait' } },
    });
  });

  afterAll(() => api.close());

  const send = async (runs: unknown, headers: Record<string, string> = {}) => {
    const response = await api.post('/v1/runs/batch', { runs }, headers);
    return { status: response.status, body: (await response.json()) as { data: RunResource[] } & Problem };
  };
  const count = async (): Promise<number> => {
    const { rows } = await sql<{ count: number }>`
      select ((select count(*) from longhaul.runs) + (select count(*) from longhaul_queue.job)
        + (select count(*) from longhaul.run_events) + (select count(*) from longhaul.audit))::int as count`.execute(
      api.database.sql,
    );
    return rows[0]!.count;
  };
  const reader = (changes: object = {}) => ({ agent: 'reader', prompt: 'hello', ...changes });

  it('is accepted as a whole, and its runs start in its order', async () => {
    const prompts = Array.from({ length: 7 }, (_, index) => `task ${index}`);
    const { status, body } = await send(prompts.map((prompt) => reader({ prompt, metadata: { prompt } })));
    expect(status).toBe(202);
    expect(body.data.map(({ prompt, status }) => [prompt, status])).toEqual(
      prompts.map((prompt) => [prompt, 'queued']),
    );
    expect(body.data[3]!.metadata).toEqual({ prompt: 'task 3' });
    const events = await api.request(`/v1/runs/${body.data[2]!.id}/events`);
    expect(await events.json()).toMatchObject({ data: [{ seq: 1, type: 'run.queued', data: { agent: 'reader' } }] });
    const { rows } = await sql`select from longhaul.audit where action = 'run.submitted'
      and subject = ${body.data[6]!.id}`.execute(api.database.sql);
    expect(rows).toHaveLength(1);
    for (const prompt of prompts) {
      const claimed = await api.claim();
      expect(claimed.run.prompt).toBe(prompt);
      await api.finish(claimed);
    }
  });

  it('is rejected as a whole, naming every invalid field of its items', async () => {
    const before = await count();
    const wrong = [reader(), reader({ agent: 'nobody' }), { agent: 'brief', prompt: 'far too long' }, reader()];
    const { status, body } = await send(wrong);
    expect(status).toBe(400);
    expect(body.errors).toEqual([
      { path: 'runs[1].agent', message: expect.stringContaining('is not an agent') as string },
      { path: 'runs[2].prompt', message: 'must have at most 10 characters; received 12' },
    ]);
    expect((await send([reader({ agent: 'nobody' })])).body).toMatchObject({ code: 'agent_not_found', status: 404 });
    expect((await send([reader(), reader({ prompt: '', x: 1 })])).body.errors).toEqual([
      { path: 'runs[1].prompt', message: 'must not be empty; received ""' },
      { path: 'runs[1].x', message: 'is not a known field' },
    ]);
    expect(await count()).toBe(before);
  });

  it.each([[[]], [Array.from({ length: 1_001 }, () => reader())], ['x'], [undefined], [{ 0: reader() }]])(
    'has to be a list of 1 to 1,000',
    async (runs) => {
      const { status, body } = await send(runs);
      expect(status).toBe(400);
      expect(body.errors).toHaveLength(1);
      expect(body.errors![0]).toMatchObject({
        path: 'runs',
        message: expect.stringContaining('must be a list of 1 to 1000 submissions') as string,
      });
    },
  );

  it('returns the same runs for the same key, also concurrently, and rejects the key for another batch', async () => {
    const headers = { 'idempotency-key': `batch-${kind}` };
    const runs = [reader({ prompt: 'a' }), reader({ prompt: 'b' })];
    const answers = await Promise.all([send(runs, headers), send(runs, headers), send(runs, headers)]);
    const ids = answers.map(({ body }) => body.data.map(({ id }) => id));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(new Set(ids[0]).size).toBe(2);
    expect(await send(runs.toReversed(), headers)).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
    expect((await api.post('/v1/runs', runs[0], headers)).status).toBe(422);
  });

  it('is rejected when a budget is exceeded, naming the runs that do not fit', async () => {
    const before = await count();
    const { status, body } = await send([
      reader({ user: 'rich' }),
      reader({ user: 'poor' }),
      reader({ user: 'poor' }),
      reader({ user: 'poor' }),
    ]);
    expect(status).toBe(402);
    expect(body.code).toBe('user_budget');
    expect(body.errors).toEqual([
      { path: 'runs[3]', message: 'does not fit into the budget of its user beside the runs before it' },
    ]);
    expect(await count()).toBe(before);
    expect((await send([reader({ user: 'poor' }), reader({ user: 'poor' })])).status).toBe(202);
    expect((await send([reader({ user: 'poor' })])).status).toBe(402);
  });

  it('parks the runs that exceed the budget of its team', async () => {
    const { status, body } = await send(Array.from({ length: 4 }, () => reader({ team: 'red' })));
    expect(status).toBe(202);
    expect(body.data.map(({ status, waitingFor }) => [status, waitingFor])).toEqual([
      ['queued', null],
      ['queued', null],
      ['waiting', 'budget'],
      ['waiting', 'budget'],
    ]);
  });

  it('is for the user its key is bound to', async () => {
    const key = await api.makeKey({ user: 'bea' });
    const submit = async (runs: object[]) => {
      const response = await api.request('/v1/runs/batch', {
        key,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ runs }),
      });
      return { status: response.status, body: (await response.json()) as { data: RunResource[] } & Problem };
    };
    expect((await submit([reader({ user: 'bea' }), reader({ user: 'cid' })])).body).toMatchObject({
      status: 403,
      errors: [{ path: 'runs[1].user' }],
    });
    expect((await submit([reader()])).body.data[0]).toMatchObject({ user: 'bea' });
  });

  it('continues sessions, where each run follows the previous run of its session', async () => {
    const limits = { maxBudgetUsd: 0.1 };
    const { sessionId } = await api.submit({ user: 'dora', prompt: 'begin', limits });
    const { status, body } = await send([
      reader({ sessionId, limits, prompt: 'second' }),
      reader({ sessionId, limits, prompt: 'branch', fork: true }),
      reader({ sessionId, limits, prompt: 'third' }),
    ]);
    expect(status).toBe(202);
    expect(body.data.map(({ user }) => user)).toEqual(['dora', 'dora', 'dora']);
    expect(body.data.map((run) => run.sessionId === sessionId)).toEqual([true, false, true]);
    const turns: string[][] = [];
    for (let claims = await api.claimUpTo(50); claims.length > 0; claims = await api.claimUpTo(50)) {
      turns.push(claims.filter(({ run }) => run.user === 'dora').map(({ run }) => run.prompt));
      for (const claimed of claims) await api.finish(claimed);
    }
    expect(turns).toEqual([['begin', 'branch'], ['second'], ['third']]);
  });

  it('names every run whose session cannot be continued', async () => {
    const before = await api.submit({ user: 'dora' });
    const { sessionId } = before;
    const unknown = createId();
    const { status, body } = await send([
      reader({ sessionId }),
      reader({ sessionId: unknown }),
      reader({ sessionId, user: 'eli' }),
      { agent: 'brief', prompt: 'hello', sessionId },
      reader({ fork: true }),
    ]);
    expect(status).toBe(400);
    expect(body.errors).toEqual([
      { path: 'runs[1].sessionId', message: 'does not name an existing session' },
      { path: 'runs[2].sessionId', message: 'does not name an existing session' },
      { path: 'runs[3].sessionId', message: 'must be a session of agent brief; this one is of reader' },
      { path: 'runs[4].fork', message: 'must be sent with sessionId, the session to branch from' },
    ]);
    expect((await send([reader(), reader({ sessionId: unknown })])).status).toBe(404);
    await api.finish(await api.claim());
  });

  it('names at most a hundred errors, and says how many there are', async () => {
    const { body } = await send(Array.from({ length: 1_000 }, () => reader({ agent: 'nobody' })));
    expect(body.errors).toHaveLength(100);
    expect(body.detail).toMatch(/; and 990 more\.$/);
  });

  it('counts as its number of submissions, and as none when it is rejected', async () => {
    const request = api.startServer({ perUser: { runsPerMinute: 3 } });
    const submit = (size: number) =>
      request('/v1/runs/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ runs: Array.from({ length: size }, () => reader({ user: `eve-${kind}` })) }),
      });
    const refused = await submit(4);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining('None of the 4 was submitted') as string,
    });
    const accepted = await submit(2);
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('ratelimit')).toMatch(/"user";r=1;/);
    expect((await submit(2)).status).toBe(429);
    expect((await submit(1)).status).toBe(202);
    expect((await submit(1)).status).toBe(429);
  });

  it('may be large, and no larger than 16 MiB', async () => {
    const filler = 'x'.repeat(2_000_000);
    expect((await send([reader({ prompt: filler })])).body.errors?.[0]?.path).toBe('runs[0].prompt');
    expect((await send([reader({ prompt: 'x'.repeat(17_000_000) })])).status).toBe(413);
  });

  it('of a thousand runs is written in few statements', async () => {
    const runs = Array.from({ length: 1_000 }, (_, index) =>
      reader({ user: `user-${index % 500}`, prompt: `${index}` }),
    );
    const { status, body } = await send(runs);
    expect(status).toBe(202);
    expect(body.data.map(({ prompt }) => prompt)).toEqual(runs.map(({ prompt }) => prompt));
    expect(new Set(body.data.map(({ id }) => id)).size).toBe(1_000);
  });
});
