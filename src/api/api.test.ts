import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { NewEvent } from '../core/events.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { recordEvents } from '../run/append-events.ts';
import { claimRuns, type Claim } from '../run/claim.ts';
import { findRun } from '../run/read-runs.ts';
import { settleAttempt } from '../run/settle.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Api } from './api-deps.ts';
import type { Problem, RunResource } from './contract.ts';
import { generateKey } from './keys.ts';

describe.each(DATABASE_KINDS)('the HTTP API on the %s database', (kind) => {
  let service: TestApi;
  let database: Database;
  let queue: Queue;
  let rules: TestApi['rules'];
  let api: Api;
  let request: TestApi['request'];
  let post: TestApi['post'];

  beforeAll(async () => {
    service = await startApi(kind);
    ({ database, queue, rules, api, request, post } = service);
  });

  afterAll(() => service.close());

  const submit = async (changes: object = {}) => {
    const response = await post('/v1/runs', { agent: 'reader', prompt: 'hello', ...changes });
    expect(response.status).toBe(202);
    return (await response.json()) as RunResource;
  };
  const countRuns = async () => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from longhaul.runs`.execute(
      database.sql,
    );
    return rows[0]!.count;
  };
  const claim = async (): Promise<Claim> => {
    const { claims } = await claimRuns(
      { database, queue, rules },
      { queue: 'reader', workerId: createId(), limit: 1, agents: new Set(['reader']) },
    );
    return claims[0]!;
  };
  const record = async (claimed: Claim, events: NewEvent[]) => {
    const { lastSeq } = (await findRun(database, claimed.run.id))!;
    return recordEvents(database, { runId: claimed.run.id, attempt: 1, events, lease: claimed.lease, lastSeq });
  };
  const finish = (claimed: Claim, detail?: string) =>
    settleAttempt(
      { database, queue, rules },
      {
        lease: claimed.lease,
        settlement: {
          outcome:
            detail === undefined
              ? { status: 'succeeded', result: 'done' }
              : { status: 'failed', code: 'provider_auth', detail },
          turns: 1,
          durationMs: 10,
          toolUses: {},
          metered: { costMicros: 0, models: {} },
          reported: { costMicros: 1_500, models: {} },
          exitCode: 0,
          signal: null,
          stderrTail: '',
          claudeCodeVersion: null,
          peakMemoryBytes: null,
          retryAfterSeconds: null,
        },
      },
    );

  it('accepts a run at once, and says where it is', async () => {
    const response = await post('/v1/runs', {
      agent: 'reader',
      prompt: 'hello',
      user: 'ann',
      metadata: { a: [1, null] },
      priority: 3,
      limits: { maxTurns: 2 },
    });
    expect(response.status).toBe(202);
    const run = (await response.json()) as RunResource;
    expect(response.headers.get('location')).toBe(`/v1/runs/${run.id}`);
    expect(run).toMatchObject({
      agent: 'reader',
      status: 'queued',
      user: 'ann',
      metadata: { a: [1, null] },
      priority: 3,
      attempt: 0,
      costUsd: 0,
      error: null,
    });
    expect(run.limits).toMatchObject({ maxTurns: 2, maxBudgetUsd: 1 });
    expect(await (await request(`/v1/runs/${run.id}`)).json()).toMatchObject({ ...run, attempts: [] });
    expect((await post(`/v1/runs/${run.id}/cancel`, {})).status).toBe(202);
  });

  it.each(
    titled([
      ['--settings=/etc/passwd'],
      ['-p'],
      ['@/etc/passwd and /cost'],
      ['/cost'],
      ['\u001B[31mred\u001B[0m </script><script>alert(1)</script> \u202Egnp'],
      ['🎉'.repeat(5_000)],
      ['line\r\nline\u2028line\t\u0001'],
    ]),
  )('stores a prompt and returns it as it was given: %s', async (_, prompt) => {
    const run = await submit({ prompt });
    expect(((await (await request(`/v1/runs/${run.id}`)).json()) as RunResource).prompt).toBe(prompt);
    await post(`/v1/runs/${run.id}/cancel`, {});
  });

  it.each(
    titled([
      [{ agent: 'reader' }, 400, 'invalid_request', 'prompt', 'is required'],
      [{ agent: 'reader', prompt: '' }, 400, 'invalid_request', 'prompt', 'must not be empty'],
      [{ agent: 'reader', prompt: 42 }, 400, 'invalid_request', 'prompt', 'must be a string; received 42'],
      [{ agent: 'reader', prompt: null }, 400, 'invalid_request', 'prompt', 'must be a string; received null'],
      [
        { agent: 'reader', prompt: 'x'.repeat(5_001) },
        400,
        'invalid_request',
        'prompt',
        'must have at most 5000 characters; received 5001',
      ],
      [
        { agent: 'brief', prompt: '🎉'.repeat(11) },
        400,
        'invalid_request',
        'prompt',
        'must have at most 10 characters; received 11',
      ],
      [{ agent: 'reader', prompt: 'a\0b' }, 400, 'invalid_request', 'prompt', 'must not contain a NUL character'],
      [{ agent: 'reader', prompt: 'a\uD800b' }, 400, 'invalid_request', 'prompt', 'must not contain a lone surrogate'],
      [{ agent: 'reader', prompt: 'x', user: 'a\0' }, 400, 'invalid_request', 'user', 'NUL character'],
      [
        { agent: 'reader', prompt: 'x', metadata: { a: { b: '\uDC00' } } },
        400,
        'invalid_request',
        'metadata.a.b',
        'lone surrogate',
      ],
      [
        { agent: 'reader', prompt: 'x', metadata: { a: 'x'.repeat(20_000) } },
        400,
        'invalid_request',
        'metadata',
        'at most 16384 bytes',
      ],
      [{ agent: 'nobody', prompt: 'x' }, 404, 'agent_not_found', 'agent', 'there are: reader, brief'],
      [{ prompt: 'x' }, 400, 'invalid_request', 'agent', 'is required'],
      [{ agent: 'reader', prompt: 'x', promt: 'x' }, 400, 'invalid_request', 'promt', 'is not a known field'],
      [
        { agent: 'reader', prompt: 'x', limits: { maxTurns: 16 } },
        400,
        'invalid_request',
        'limits.maxTurns',
        "must be at most 15, the agent's own limit; received 16",
      ],
      [
        { agent: 'reader', prompt: 'x', limits: { maxBudgetUsd: -1 } },
        400,
        'invalid_request',
        'limits.maxBudgetUsd',
        'must be 0 or more; received -1',
      ],
      [
        { agent: 'reader', prompt: 'x', limits: { maxTokens: 1 } },
        400,
        'invalid_request',
        'limits.maxTokens',
        'is not a known field',
      ],
      [
        { agent: 'reader', prompt: 'x', priority: 1.5 },
        400,
        'invalid_request',
        'priority',
        'must be a whole number; received 1.5',
      ],
      [{ agent: 'reader', prompt: 'x', startAfter: 'tomorrow' }, 400, 'invalid_request', 'startAfter', 'ISO 8601'],
      [[], 400, 'invalid_request', '', 'must be an object; received []'],
    ]),
  )('refuses %s, naming the field, and stores nothing', async (_, body, status, code, path, message) => {
    const before = await countRuns();
    const response = await post('/v1/runs', body);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    const problem = (await response.json()) as Problem;
    expect(problem).toMatchObject({ status, code });
    expect(problem.errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
    expect(await countRuns()).toBe(before);
  });

  it.each(
    titled([
      ['{"agent":', { 'content-type': 'application/json' }, 400, 'invalid_json'],
      ['', { 'content-type': 'application/json' }, 400, 'invalid_json'],
      ['agent=reader', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
      ['{}', { 'content-type': 'application/jsonp' }, 415, 'unsupported_media_type'],
      [
        `{"agent":"reader","prompt":"${'x'.repeat(1_100_000)}"}`,
        { 'content-type': 'application/json' },
        413,
        'body_too_large',
      ],
      [
        '{"agent":"reader","prompt":"x"}',
        { 'content-type': 'application/json', 'idempotency-key': 'with space' },
        400,
        'invalid_request',
      ],
    ]),
  )('refuses the body %s', async (_, body, headers, status, code) => {
    const before = await countRuns();
    const response = await post('/v1/runs', body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
    expect(await countRuns()).toBe(before);
  });

  it.each([
    ['/v1/runs/not-an-id', 400, 'invalid_request'],
    ['/v1/runs/7b1fd9a2-5f0c-4b2e-9d55-1f2f4e6f8a10', 400, 'invalid_request'],
    [`/v1/runs/${createId()}`, 404, 'run_not_found'],
    [`/v1/runs/${createId()}/events`, 404, 'run_not_found'],
    ['/v1/runs?status=gone', 400, 'invalid_request'],
    ['/v1/runs?colour=red', 400, 'invalid_request'],
    ['/v1/runs?limit=201', 400, 'invalid_request'],
    ['/v1/runs?cursor=x', 400, 'invalid_request'],
    ['/v1/nothing', 404, 'not_found'],
  ])('answers %s with %i %s', async (path, status, code) => {
    const response = await request(path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code, status });
  });

  it('answers no /v1 route without a key that works', async () => {
    const response = await api.request('/v1/runs');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    for (const key of ['wrong', 'lh_wrong', generateKey()]) {
      expect((await request('/v1/runs', { key })).status).toBe(401);
    }
    expect((await request('/v1/nothing', { key: 'wrong' })).status).toBe(401);
    expect((await request('/v1/runs', { key: 'wrong', method: 'DELETE' })).status).toBe(401);
    expect((await api.request('/livez')).status).toBe(200);
    expect((await api.request('/readyz')).status).toBe(200);
  });

  it('takes a key in one form alone', async () => {
    const as = async (authorization: string) => (await request('/v1/runs', { headers: { authorization } })).status;
    const { plainKey } = service;
    expect(await as(`bearer  ${plainKey}`)).toBe(200);
    for (const wrong of [`Bearer ${plainKey} extra`, `Bearer ${plainKey},`, `Bearer${plainKey}`, `Basic ${plainKey}`]) {
      expect(await as(wrong)).toBe(401);
    }
  });

  it('takes an id in any case, and gives it back in lower case', async () => {
    const run = await submit();
    const loud = `/v1/runs/${run.id.toUpperCase()}`;
    const claimed = await claim();
    const asked = Promise.withResolvers<string>();
    const stopListening = await database.listen(CHANNELS.cancel, asked.resolve, () => undefined);
    const cancelled = (await (await post(`${loud}/cancel`, {})).json()) as RunResource;
    expect(cancelled.links.self).toBe(`/v1/runs/${run.id}`);
    expect(await asked.promise).toBe(run.id);
    await stopListening();
    const live = await request(`${loud}/events?after=2`, { headers: { accept: 'text/event-stream' } });
    const waiting = request(`${loud}?wait=30`);
    await finish(claimed);
    // A follower that is not woken says so, and looks for itself seconds later.
    expect(await live.text()).not.toContain('still here');
    expect(await (await waiting).json()).toMatchObject({ id: run.id, status: 'succeeded' });
    const older = await request(`/v1/runs?cursor=${run.id.toUpperCase()}&limit=1`);
    expect(older.status).toBe(200);
    const missing = createId();
    expect(await (await request(`/v1/runs/${missing.toUpperCase()}`)).json()).toMatchObject({
      detail: `There is no run ${missing}.`,
    });
  });

  it('answers the same run to the same idempotency key', async () => {
    const body = { agent: 'reader', prompt: 'once' };
    const [first, second] = await Promise.all([
      post('/v1/runs', body, { 'idempotency-key': 'a' }),
      post('/v1/runs', body, { 'idempotency-key': 'a' }),
    ]);
    const { id } = (await first.json()) as RunResource;
    expect(await second.json()).toMatchObject({ id });
    const other = await post('/v1/runs', { ...body, prompt: 'twice' }, { 'idempotency-key': 'a' });
    expect(other.status).toBe(422);
    await post(`/v1/runs/${id}/cancel`, {});
  });

  it('follows a run live, resumes exactly after the last event seen, and ends after the final one', async () => {
    const run = await submit();
    const events = `/v1/runs/${run.id}/events`;
    const live = await request(events, { headers: { accept: 'text/event-stream' } });
    expect(live.headers.get('content-type')).toContain('text/event-stream');
    const all = readFrames(live);
    const claimed = await claim();
    await record(claimed, [{ type: 'agent.text.delta', data: { text: 'one', blockId: '1' } }]);
    const resumed = readFrames(
      await request(events, { headers: { accept: 'text/event-stream', 'last-event-id': '2' } }),
    );
    await record(claimed, [{ type: 'agent.text.delta', data: { text: 'two\n\nid: 99', blockId: '1' } }]);
    await finish(claimed);
    const frames = await all;
    expect(frames.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'run.queued'],
      ['2', 'run.started'],
      ['3', 'agent.text.delta'],
      ['4', 'agent.text.delta'],
      ['5', 'run.succeeded'],
    ]);
    expect(frames[3]?.data).toMatchObject({ runId: run.id, seq: 4, attempt: 1, data: { text: 'two\n\nid: 99' } });
    expect(await resumed).toEqual(frames.slice(2));
    const late = await readFrames(await request(`${events}?after=4`, { headers: { accept: 'text/event-stream' } }));
    expect(late).toEqual(frames.slice(4));
    for (const after of [5, 500]) {
      expect(
        await readFrames(await request(`${events}?after=${after}`, { headers: { accept: 'text/event-stream' } })),
      ).toEqual([]);
    }
    const page = (await (await request(`${events}?after=1&limit=2`)).json()) as { data: unknown[]; nextCursor: number };
    expect(page).toEqual({ data: [frames[1]!.data, frames[2]!.data], nextCursor: 3 });
  });

  it('gives every one of many followers every event once, however they come and go', async () => {
    const run = await submit();
    const claimed = await claim();
    const readers = Array.from({ length: 10 }, (_, index) => followReconnecting(run.id, index + 1));
    for (let index = 0; index < 60; index++) {
      await record(claimed, [{ type: 'agent.text.delta', data: { text: String(index), blockId: '1' } }]);
    }
    await finish(claimed);
    const expected = Array.from({ length: 63 }, (_, index) => index + 1);
    for (const seen of await Promise.all(readers)) expect(seen).toEqual(expected);
  });

  it('answers a waiting reader as soon as the run ends, and an impatient one in time', async () => {
    const run = await submit();
    const claimed = await claim();
    const waiting = request(`/v1/runs/${run.id}?wait=30`);
    const impatient = (await (await request(`/v1/runs/${run.id}?wait=0.05`)).json()) as RunResource;
    expect(impatient.status).toBe('running');
    await finish(claimed);
    expect(await (await waiting).json()).toMatchObject({ status: 'succeeded', result: 'done', costUsd: 0.0015 });
  });

  it('tells operators what really went wrong, and others only the safe words', async () => {
    const run = await submit();
    await finish(await claim(), 'connect ECONNREFUSED 10.0.0.7');
    const path = `/v1/runs/${run.id}`;
    expect(await (await request(path)).json()).toMatchObject({
      error: { code: 'provider_auth', detail: 'connect ECONNREFUSED 10.0.0.7' },
      attempts: [{ number: 1, outcome: 'failed' }],
    });
    const seen = (await (await request(path, { key: service.plainKey })).json()) as RunResource;
    expect(seen.error).toEqual({
      code: 'provider_auth',
      message: 'The service could not sign in to the model provider.',
      retryable: false,
    });
    expect(JSON.stringify(seen)).not.toContain('ECONNREFUSED');
    expect(seen.attempts).toBeUndefined();
  });

  it('pages through the runs newest first', async () => {
    const ids = [(await submit({ user: 'p' })).id, (await submit({ user: 'p' })).id, (await submit({ user: 'p' })).id];
    const first = (await (await request('/v1/runs?user=p&limit=2')).json()) as {
      data: RunResource[];
      nextCursor: string;
    };
    expect(first.data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const rest = (await (await request(`/v1/runs?user=p&limit=2&cursor=${first.nextCursor}`)).json()) as {
      data: RunResource[];
      nextCursor: null;
    };
    expect(rest).toMatchObject({ data: [{ id: ids[0] }], nextCursor: null });
    for (const id of ids) await post(`/v1/runs/${id}/cancel`, {});
  });

  it('pauses and resumes a queue', async () => {
    expect(await (await post('/v1/queues/reader/pause', {})).json()).toMatchObject({
      name: 'reader',
      pausedAt: expect.any(String) as string,
    });
    const run = await submit();
    expect(
      await claimRuns(
        { database, queue, rules },
        { queue: 'reader', workerId: createId(), limit: 1, agents: new Set(['reader']) },
      ),
    ).toMatchObject({ claims: [] });
    expect(await (await request('/v1/queues')).json()).toMatchObject({
      data: [
        { name: 'reader', waiting: 1 },
        { name: 'brief', waiting: 0 },
      ],
    });
    expect(await (await post('/v1/queues/reader/resume', {})).json()).toMatchObject({ pausedAt: null });
    const claimed = await claim();
    expect(claimed.run.id).toBe(run.id);
    await finish(claimed);
    expect((await post('/v1/queues/nobody/pause', {})).status).toBe(404);
  });

  it('describes itself as OpenAPI 3.1, every route with its problems', async () => {
    const document = (await (await api.request('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: object }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toContain('/v1/runs/{id}/events');
    expect(document.paths['/v1/runs']?.['post']?.responses).toHaveProperty('415');
  });

  /** Follows a run over connections that it breaks after every `most` events, resuming each time. */
  async function followReconnecting(runId: string, most: number): Promise<number[]> {
    const seen: number[] = [];
    for (;;) {
      const response = await request(`/v1/runs/${runId}/events`, {
        headers: { accept: 'text/event-stream', 'last-event-id': String(seen.at(-1) ?? 0) },
      });
      for (const { data } of await readFrames(response, most)) seen.push(data.seq);
      if (seen.at(-1) === 63) return seen;
    }
  }
});

/** Puts a short title before each case: some of them are very long. */
function titled<T extends readonly [unknown, ...unknown[]]>(cases: readonly T[]): [string, ...T][] {
  return cases.map((row) => [JSON.stringify(row[0]).slice(0, 60), ...row]);
}

interface Frame {
  id: string;
  event: string;
  data: { seq: number; runId: string };
}

/** The frames of a stream, up to its end, or until `most` have come and the reader goes away. */
async function readFrames(response: Response, most = Infinity): Promise<Frame[]> {
  const frames: Frame[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['id'] === undefined) continue;
      frames.push({ id: fields['id'], event: fields['event']!, data: JSON.parse(fields['data']!) as Frame['data'] });
      if (frames.length === most) return frames;
    }
  }
  return frames;
}
