import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { emptyAudit } from '../../audit/audit.fixture.ts';
import { chainAudit } from '../../audit/chain.ts';
import { recordAuditMany } from '../../audit/record.ts';
import { startApi, type TestApi } from '../api.fixture.ts';
import type { AuditEntryResource } from '../contract.ts';

describe.each(DATABASE_KINDS)('the audit record over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  const read = async (query = '') => {
    const response = await service.request(`/v1/audit${query}`);
    expect(response.status).toBe(200);
    return (await response.json()) as { data: AuditEntryResource[]; nextCursor: number | null };
  };
  const readAll = async (query: string) => {
    const entries: AuditEntryResource[] = [];
    let cursor: number | null = 0;
    for (let next = query; cursor !== null; next = `${query}&cursor=${cursor}`) {
      const page = await read(next);
      entries.push(...page.data);
      cursor = page.nextCursor;
    }
    return entries;
  };

  beforeAll(async () => {
    service = await startApi(kind);
    await emptyAudit(service.database); // The creation of the keys is recorded.
    await service.database.sql.transaction().execute((trx) =>
      recordAuditMany(
        trx,
        Array.from({ length: 25 }, (_, index) => ({
          actor: index % 2 === 0 ? 'system' : 'worker:7',
          action: index === 9 ? ('queue.paused' as const) : ('run.failed' as const),
          subject: `run-${index + 1}`,
          data: { index },
        })),
      ),
    );
    await chainAudit(service.database, { batch: 20 });
  });
  afterAll(() => service.close());

  it('is for operators only', async () => {
    for (const path of ['/v1/audit', '/v1/audit/verify']) {
      const response = await service.request(path, { key: service.plainKey });
      expect([response.status, response.headers.get('content-type')]).toEqual([403, 'application/problem+json']);
      expect(await response.json()).toMatchObject({ code: 'forbidden' });
    }
  });

  it('is listed newest first, filtered and in pages', async () => {
    expect((await read()).data.map(({ subject, seq }) => [subject, seq]).slice(4, 6)).toEqual([
      ['run-21', null],
      ['run-20', 20],
    ]);
    const subjects = (await readAll('?limit=10')).map(({ subject }) => subject);
    expect(subjects).toEqual(Array.from({ length: 25 }, (_, index) => `run-${25 - index}`));
    expect((await read('?action=queue.paused')).data).toMatchObject([
      { subject: 'run-10', actor: 'worker:7', data: { index: 9 } },
    ]);
    expect((await read('?actor=worker:7')).data).toHaveLength(12);
    expect((await read('?subject=run-3&actor=system')).data).toHaveLength(1);
    expect((await read('?to=2020-01-01T00:00:00Z')).data).toEqual([]);
    expect((await read('?from=2020-01-01T00:00:00%2B02:00')).data).toHaveLength(25);
  });

  it('is exported in the order of the chain, and records the export', async () => {
    expect((await readAll('?order=chain&limit=7')).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect((await read('?action=audit.exported')).data).toMatchObject([
      { actor: expect.stringMatching(/^key:[0-9a-f-]{36} \(admin\)$/) as string, subject: 'audit' },
    ]);
  });

  it('is verified', async () => {
    const response = await service.request('/v1/audit/verify');
    expect(await response.json()).toMatchObject({
      isIntact: true,
      entries: 20,
      firstSeq: 1,
      lastSeq: 20,
      unchained: 6,
      problems: [],
      problemCount: 0,
    });
  });

  it.each([
    'action=run.eaten',
    'cursor=x',
    'cursor=-1',
    'limit=201',
    'from=yesterday',
    'order=up',
    'subject=%00',
    'what=1',
  ])('refuses %s', async (query) => {
    const response = await service.request(`/v1/audit?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request' });
  });
});
