import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, RunResource } from './contract.ts';

describe.each(DATABASE_KINDS)('submitting runs over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  const countRuns = async () => {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from longhaul.runs`.execute(
      service.database.sql,
    );
    return rows[0]!.count;
  };

  it('accepts a run at once, and returns its location', async () => {
    const response = await service.post('/v1/runs', {
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
    expect(await (await service.request(`/v1/runs/${run.id}`)).json()).toMatchObject({ ...run, attempts: [] });
    expect((await service.post(`/v1/runs/${run.id}/cancel`, {})).status).toBe(202);
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
  )('stores a prompt and returns it unchanged: %s', async (_, prompt) => {
    const run = await service.submit({ prompt });
    expect(((await (await service.request(`/v1/runs/${run.id}`)).json()) as RunResource).prompt).toBe(prompt);
    await service.post(`/v1/runs/${run.id}/cancel`, {});
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
      [{ agent: 'nobody', prompt: 'x' }, 404, 'agent_not_found', 'agent', 'the agents are: reader, brief'],
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
  )('rejects %s, naming the field, and stores nothing', async (_, body, status, code, path, message) => {
    const before = await countRuns();
    const response = await service.post('/v1/runs', body);
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
        `{"agent":"reader","prompt":"${'x'.repeat(17_000_000)}"}`,
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
  )('rejects the body %s', async (_, body, headers, status, code) => {
    const before = await countRuns();
    const response = await service.post('/v1/runs', body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
    expect(await countRuns()).toBe(before);
  });

  it('returns the same run for the same idempotency key', async () => {
    const body = { agent: 'reader', prompt: 'once' };
    const [first, second] = await Promise.all([
      service.post('/v1/runs', body, { 'idempotency-key': 'a' }),
      service.post('/v1/runs', body, { 'idempotency-key': 'a' }),
    ]);
    const { id } = (await first.json()) as RunResource;
    expect(await second.json()).toMatchObject({ id });
    const other = await service.post('/v1/runs', { ...body, prompt: 'twice' }, { 'idempotency-key': 'a' });
    expect(other.status).toBe(422);
    await service.post(`/v1/runs/${id}/cancel`, {});
  });
});

/** Adds a short title to each case, because some are very long. */
function titled<T extends readonly [unknown, ...unknown[]]>(cases: readonly T[]): [string, ...T][] {
  return cases.map((row) => [JSON.stringify(row[0]).slice(0, 60), ...row]);
}
