import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { SignJWT, UnsecuredJWT } from 'jose';
import { CompiledQuery } from 'kysely';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTokens } from '../src/access/tokens.ts';
import { startApi, type TestApi } from '../src/api/api.fixture.ts';
import { describeApi } from '../src/api/openapi/describe-api.ts';
import { findOperations } from '../src/api/openapi/document.ts';
import { createApiDocument } from '../scripts/api-document.ts';
import { hostileRequest, type HostileRequest } from './fuzz/hostile-requests.ts';
import { judgeAnswer } from './fuzz/judge.ts';

/** Number of requests to each operation. `npm run fuzz` sends many more. */
const RUNS = Number(process.env['LONGHAUL_FUZZ_RUNS'] ?? 15);

/** A new seed each time, printed; set it to repeat a failure. */
const SEED = Number(process.env['LONGHAUL_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

/** Checks of an agent or of the database, which may fail. */
const MAY_BE_UNAVAILABLE = new Set(['/readyz', '/v1/health/agent']);

const document = createApiDocument();
const operations = findOperations(document);

describe(`hostile requests (LONGHAUL_FUZZ_SEED=${SEED})`, () => {
  let service: TestApi;
  let keys: Record<string, string>;
  let ids: string[];
  const logged: string[] = [];
  let counting: string | undefined;

  beforeAll(async () => {
    const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
    service = await startApi('embedded', { log });
    const [own, others] = [await service.submit({ user: 'ann' }), await service.submit({ user: 'bob', team: 'north' })];
    ids = [own.id, others.id, own.sessionId, others.sessionId];
    keys = {
      admin: '',
      application: service.plainKey,
      ann: await service.makeKey({ user: 'ann' }),
      north: await service.makeKey({ team: 'north' }),
      reader: await service.makeKey({ scopes: ['runs:read'] }),
      ...(await makeTokens()),
      wrong: `lh_${'x'.repeat(40)}`,
      garbage: '\u00ff..',
    };
  });
  afterAll(() => service.close());

  // An invalid value that is only found inside means that a check is missing, however polite the answer is.
  afterEach(() => expect(logged.splice(0)).toEqual([]));

  /** A token of ann, and forged or expired variants of it. */
  async function makeTokens() {
    const response = await service.post('/v1/tokens', { user: 'ann' });
    const { token } = (await response.json()) as { token: string };
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;
    const tokens = await openTokens(service.database);
    return {
      token,
      expired: await tokens.sign({ ...(await tokens.verify(token)), expiresAt: new Date(Date.now() - 1_000) }),
      unsigned: new UnsecuredJWT(claims).encode(),
      forged: await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32)),
    };
  }

  const needsKey = ({ path, operation }: (typeof operations)[number]) =>
    path.startsWith('/v1/') && operation.security?.length !== 0;
  const STRANGERS = ['wrong', 'garbage', 'expired', 'unsigned', 'forged'];
  const CALLERS = ['admin', 'admin', 'admin', 'application', 'application', 'ann', 'token', 'north', 'reader'];
  const arbitrary = (operation: (typeof operations)[number]) =>
    hostileRequest(operation, { document, ids, callers: [...CALLERS, ...CALLERS, ...STRANGERS] });

  async function send({ method, url, headers, body, caller }: HostileRequest): Promise<Response> {
    const key = keys[caller];
    return service.request(url, {
      method,
      headers,
      body: body as string | null,
      ...(key !== undefined && key !== '' && { key }),
    });
  }

  it('know every operation', () => {
    expect(operations.map(({ path }) => path)).toEqual(
      findOperations(describeApi(service.api, '')).map(({ path }) => path),
    );
  });

  it.each(operations.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
    '%s answers in words of ours, and keeps nothing of what it refuses',
    async (_, operation) => {
      let before: string | null = null;
      const property = fc.asyncProperty(arbitrary(operation), async (request) => {
        before ??= await countRows();
        const response = await send(request);
        const text = await judgeAnswer(response, { mayBeUnavailable: MAY_BE_UNAVAILABLE.has(operation.path) });
        if (STRANGERS.includes(request.caller) && needsKey(operation)) expect(response.status).toBe(401);
        if (request.caller === 'ann' || request.caller === 'token') expect(text).not.toContain('"user":"bob"');
        // A successful request may write: even a read, such as the first of a secret, or of an agent's health.
        if (response.ok || response.status === 503) before = null;
        else expect(await countRows()).toBe(before);
      });
      await fc.assert(property, { numRuns: RUNS, seed: SEED });
    },
    600_000,
  );

  it('do not make the process grow', async () => {
    const sendMany = async (rounds: number, seed: number) => {
      for (const operation of operations) {
        for (const request of fc.sample(arbitrary(operation), { numRuns: rounds, seed })) {
          await (await send(request)).body?.cancel();
        }
      }
    };
    await sendMany(15, SEED);
    const [heap, resources] = [measureHeap(), process.getActiveResourcesInfo().length];
    await sendMany(45, SEED + 1);
    expect(measureHeap() / heap).toBeLessThan(1.15);
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources + 2);
  }, 600_000);

  const query = async (text: string) =>
    (await service.database.sql.executeQuery<{ text: string }>(CompiledQuery.raw(text))).rows.map(({ text }) => text);

  /** Returns the number of rows of every table except the table that counts requests. */
  async function countRows(): Promise<string> {
    counting ??= (
      await query(`
        select format('select %L || count(*) as text from %I.%I', table_name || ' ', table_schema, table_name) as text
          from information_schema.tables
         where table_schema in ('longhaul', 'pgboss') and table_type = 'BASE TABLE' and table_name <> 'rate_limits'`)
    ).join(' union all ');
    return (await query(counting)).join('\n');
  }
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Returns the bytes of memory in use. */
function measureHeap(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
