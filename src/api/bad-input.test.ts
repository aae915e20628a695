import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem } from './contract.ts';

const run = `/v1/runs/${createId()}`;

/** URLs with the path of the invalid field and the rule that it breaks. */
const BAD_QUERIES: [string, string, string][] = [
  ['/v1/runs?agent=%00', 'agent', 'must not contain a NUL character'],
  ['/v1/runs?user=a%00', 'user', 'must not contain a NUL character'],
  ['/v1/runs?user=a&user=b', 'user', 'must be a string; received ["a","b"]'],
  ['/v1/runs?agent=a&agent=b', 'agent', 'must be a string'],
  ['/v1/runs?status=gone', 'status', 'must be one of queued, running'],
  ['/v1/runs?sessionId=x', 'sessionId', 'must be a UUID'],
  ['/v1/runs?from=yesterday', 'from', 'must be an ISO 8601 time'],
  ['/v1/runs?from=0000-01-01T00:00:00Z', 'from', 'must lie in the years 1970 to 9999, UTC'],
  ['/v1/runs?from=1970-01-01T00:00:00%2B00:01', 'from', 'must lie in the years 1970 to 9999, UTC'],
  ['/v1/runs?to=9999-12-31T23:59:59-14:00', 'to', 'must lie in the years 1970 to 9999, UTC'],
  ['/v1/runs?cursor=', 'cursor', 'must be the nextCursor of an earlier page'],
  ['/v1/runs?colour=red', 'colour', 'is not a known field'],
  ...['', '0', '201', '1e1', '0x10', '%20', '+1', '1.0', '-1', '١'].map((limit): [string, string, string] => [
    `/v1/runs?limit=${limit}`,
    'limit',
    'must be a whole number from 1 to 200',
  ]),
  ...['', '0x10', '61', '-1', '1e1', '.5', '5.', 'Infinity', 'NaN', '9'.repeat(400)].map(
    (wait): [string, string, string] => [`${run}?wait=${wait}`, 'wait', 'must be a number of seconds from 0 to 60'],
  ),
  ...['', '%20', '1e3', '2147483648', '-1'].map((after): [string, string, string] => [
    `${run}/events?after=${after}`,
    'after',
    'must be a whole number from 0 to 2147483647',
  ]),
  ['/v1/runs/none', 'id', "must be a run's id, a UUID"],
];

/** UUIDs of kinds that Longhaul never creates. */
const UNKNOWN_IDS = [
  '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  '6BA7B810-9DAD-11D1-80B4-00C04FD430C8',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '12345678-1234-1234-1234-123456789012',
];

const nest = (depth: number): unknown => (depth === 0 ? 'x' : { a: nest(depth - 1) });

/** Changes that make a valid submission invalid, with the path of the invalid field and the rule that it breaks. */
const BAD_SUBMISSIONS: [string, string, string][] = [
  ...['agent', 'prompt', 'user', 'metadata', 'priority', 'startAfter', 'limits'].flatMap((field) =>
    ['null', '[]', 'true'].map((value): [string, string, string] => [`{"${field}":${value}}`, field, 'must be']),
  ),
  ...['maxBudgetUsd', 'maxTurns', 'maxThinkingTokens', 'timeoutSeconds'].flatMap((limit) =>
    ['null', '"1"', '1e400', '-1'].map((value): [string, string, string] => [
      `{"limits":{"${limit}":${value}}}`,
      `limits.${limit}`,
      'must be',
    ]),
  ),
  [`{"prompt":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'prompt', 'must be a string; received an array of 1'],
  ['{"__proto__":{"agent":"x"}}', '__proto__', 'is not a known field'],
  ['{"limits":{"__proto__":{}}}', 'limits.__proto__', 'is not a known field'],
  ...['user', 'team'].flatMap((field) =>
    ['"  "', '"\\t\\n"', '"\\u00a0"'].map((value): [string, string, string] => [
      `{"${field}":${value}}`,
      field,
      'must not be blank',
    ]),
  ),
  ['{"startAfter":"0000-06-01T00:00:00Z"}', 'startAfter', 'must lie in the years 1970 to 9999, UTC'],
  ['{"startAfter":"0001-01-01T00:00:00+14:00"}', 'startAfter', 'must lie in the years 1970 to 9999, UTC'],
  ['{"startAfter":"9999-12-31T23:00:00-14:00"}', 'startAfter', 'must lie in the years 1970 to 9999, UTC'],
  ['{"metadata":{"__proto__":{"a":1}}}', 'metadata', 'must not have a key "__proto__"'],
  ['{"metadata":{"a":[{"__proto__":1}]}}', 'metadata.a.0', 'must not have a key "__proto__"'],
  ['{"metadata":{"a":[1,1e400]}}', 'metadata.a.1', 'must hold finite numbers'],
  ['{"metadata":{"a":-1e400}}', 'metadata.a', 'must hold finite numbers'],
  ['{"metadata":{"a\\u0000":1}}', 'metadata', 'must not contain a NUL character'],
  [`{"metadata":${JSON.stringify(nest(101))}}`, 'metadata', 'must be nested at most 100 levels deep'],
  [`{"metadata":${JSON.stringify(nest(2_000))}}`, 'metadata', 'must be nested at most 100 levels deep'],
  [
    `{"metadata":{"a":${'['.repeat(300_000)}${']'.repeat(300_000)}}}`,
    'metadata',
    'must be nested at most 100 levels deep',
  ],
];

describe.each(DATABASE_KINDS)('bad input, on the %s database', (kind) => {
  let service: TestApi;
  let logged: string[];

  beforeAll(async () => {
    const log = pino({ level: 'error' }, { write: (line: string) => void logged.push(line) });
    service = await startApi(kind, { log });
    service.api.get('/unchecked', async (context) =>
      context.json(await sql`select ${'a\0b'}::text`.execute(service.database.sql)),
    );
  });

  beforeEach(() => {
    logged = [];
  });

  afterAll(() => service.close());

  const expectRefusal = async (response: Response, { path, rule }: { path: string; rule: string }) => {
    expect(response.status).toBe(400);
    const problem = (await response.json()) as Problem;
    expect(problem.code).toBe('invalid_request');
    expect(problem.errors).toContainEqual({ path, message: expect.stringContaining(rule) as string });
    for (const { message } of problem.errors ?? []) {
      expect(message).not.toMatch(/invalid input|expected/i);
      expect(message.split('received').length).toBeLessThanOrEqual(2);
    }
    expect(logged).toEqual([]);
  };

  it.each(BAD_QUERIES)('%s is rejected: %s %s', async (address, path, rule) => {
    await expectRefusal(await service.request(address), { path, rule });
  });

  it.each(BAD_SUBMISSIONS.map((row) => [row[0].slice(0, 60), ...row] as const))(
    'a submission with %s is rejected',
    async (_, changes, path, rule) => {
      const body = `{"agent":"reader","prompt":"x",${changes.slice(1)}`;
      await expectRefusal(await service.post('/v1/runs', body), { path, rule });
    },
  );

  it.each([['null'], ['[]'], ['"x"'], ['42'], ['true']])('the body %s is rejected', async (body) => {
    await expectRefusal(await service.post('/v1/runs', body), {
      path: '',
      rule: `must be an object; received ${body}`,
    });
  });

  it.each([['application/json;'], ['application/json ; a=b'], ['text/json'], ['json'], ['text/plain']])(
    'the media type %j is rejected as unsupported',
    async (type) => {
      const response = await service.post('/v1/runs', '{"agent":"reader","prompt":"x"}', { 'content-type': type });
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({
        code: 'unsupported_media_type',
        detail: `The body must be sent as application/json; received ${JSON.stringify(type)}.`,
        errors: [{ path: 'Content-Type' }],
      });
      expect(logged).toEqual([]);
    },
  );

  it.each([
    ['gzip', 'Content-Encoding', { 'content-encoding': 'gzip' }],
    ['br, identity', 'Content-Encoding', { 'content-encoding': 'br, identity' }],
    ['utf-16', 'Content-Type', { 'content-type': 'application/json; charset=utf-16' }],
    ['ISO-8859-1', 'Content-Type', { 'content-type': 'application/json; a=b; charset="ISO-8859-1"' }],
  ])('a body in %s is rejected as unsupported: %s', async (received, path, headers) => {
    const body = '{"agent":"reader","prompt":"x"}';
    for (const address of ['/v1/runs', '/v1/runs/batch', `${run}/messages`]) {
      const response = await service.post(address, body, headers);
      expect(response.status).toBe(415);
      const problem = (await response.json()) as Problem;
      expect(problem).toMatchObject({ code: 'unsupported_media_type', errors: [{ path }] });
      expect(problem.detail).toContain(`received ${JSON.stringify(received)}`);
    }
    expect(logged).toEqual([]);
  });

  it.each([
    { 'content-encoding': 'identity' },
    { 'content-encoding': '' },
    { 'content-type': 'application/json; charset=UTF-8' },
    { 'content-type': 'application/json;charset="utf-8"' },
  ])('a body sent with %j is accepted', async (headers) => {
    expect((await service.post('/v1/runs', '{"agent":"reader","prompt":"x"}', headers)).status).toBe(202);
  });

  it.each(
    ['runs', 'approvals', 'sessions', 'schedules', 'webhooks'].flatMap((things) =>
      UNKNOWN_IDS.map((id) => [things, id]),
    ),
  )('there are no %s %s', async (things, id) => {
    const response = await service.request(`/v1/${things}/${id}`);
    expect(response.status).toBe(404);
    expect(logged).toEqual([]);
  });

  it('a body without a media type is rejected', async () => {
    const response = await service.request('/v1/runs', { method: 'POST', body: Buffer.from('{}') });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('the earliest and the latest time, and metadata of the maximum depth, are accepted', async () => {
    const metadata = nest(100);
    const response = await service.post('/v1/runs', {
      agent: 'reader',
      prompt: 'x',
      metadata,
      startAfter: '9999-12-31T23:59:59.999Z',
    });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ metadata, startAfter: '9999-12-31T23:59:59.999Z' });
    const between = 'from=1970-01-01T00:00:00Z&to=9999-12-31T23:59:59Z';
    expect((await service.request(`/v1/runs?${between}&limit=200`)).status).toBe(200);
  });

  it('a value that only the database rejects is still reported as invalid input', async () => {
    const response = await service.request('/unchecked');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request' });
    expect(logged).toEqual([]);
  });
});
