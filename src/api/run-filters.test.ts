import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { noteOldWords } from '../run/note-old-words.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import { MOST_STREAMS_OF_USER } from './open-streams.ts';
import type { RunResource } from './contract.ts';

describe.each(DATABASE_KINDS)('finding runs, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  /** Lists runs and returns their prompts, newest first. */
  async function find(query: Record<string, string | string[]>, key?: string): Promise<string[]> {
    const search = new URLSearchParams(
      Object.entries(query).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
    );
    const response = await service.request(`/v1/runs?${search.toString()}`, key === undefined ? {} : { key });
    expect(response.status).toBe(200);
    const { data } = (await response.json()) as { data: RunResource[] };
    const counted = (await (
      await service.request(`/v1/runs/count?${search.toString()}`, key === undefined ? {} : { key })
    ).json()) as { count: number };
    expect(counted).toEqual({ count: data.length, isMore: false });
    return data.map(({ prompt }) => prompt);
  }

  it('finds words of the prompt and the result by their first letters, finds phrases, and excludes words', async () => {
    await service.submit({ prompt: 'Which invoices of Müller are overdue?', user: 'words' });
    await service.submit({ prompt: 'Paint the shed, then the fence', user: 'words' });
    const [claimed] = await service.claimUpTo(1);
    await service.finish(claimed!);
    const search = (q: string) => find({ q, user: 'words' });
    const [invoices, shed] = ['Which invoices of Müller are overdue?', 'Paint the shed, then the fence'];
    expect(await search('invoice')).toEqual([invoices]);
    expect(await search('MÜLLER overdue')).toEqual([invoices]);
    expect(await search('the')).toEqual([shed]);
    expect(await search('invoice shed')).toEqual([]);
    expect(await search('"then the fence"')).toEqual([shed]);
    expect(await search('"the then fence"')).toEqual([]);
    expect(await search('are or shed')).toEqual([shed, invoices]);
    expect(await search('-invoice')).toEqual([shed]);
    // The result of the run, see the fixture.
    expect(await search('done')).toEqual([invoices]);
  });

  it('accepts any text as words, and finds nothing for a text without words', async () => {
    await service.submit({ prompt: "it's a \\ backslash and a 'quote'", user: 'odd' });
    for (const q of ["'", "''", '\\', '&', '!', ':*', '((', '"', '-', '<->', "a:*'b", '🙂', `'"&|!():*<>\\`]) {
      expect(await find({ q, user: 'nobody' }), q).toEqual([]);
    }
    expect(await find({ q: "it's quote", user: 'odd' })).toHaveLength(1);
    expect((await service.request('/v1/runs?q=')).status).toBe(400);
    expect((await service.request(`/v1/runs?q=${'x'.repeat(501)}`)).status).toBe(400);
  });

  it('finds a word of a text of the largest size, and of a very long line', async () => {
    const prompt = `needle ${'x'.repeat(4_000)} ${'word '.repeat(100)}`;
    await service.submit({ prompt, user: 'large' });
    expect(await find({ q: 'needle', user: 'large' })).toEqual([prompt]);
  });

  it('finds entries of the metadata, including numbers and lists', async () => {
    const submit = (prompt: string, metadata: object) => service.submit({ prompt, metadata, user: 'labels' });
    await submit('first', { ticket: 17, env: 'prod', tags: ['red', 'blue'] });
    await submit('second', { ticket: 18, env: 'prod', urgent: true, deep: { ticket: 17 } });
    await submit('third', { 'a=b': 'c', __proto__: 'x' });
    const labelled = (...metadata: string[]) => find({ metadata, user: 'labels' });
    expect(await labelled('ticket=17')).toEqual(['first']);
    expect(await labelled('env=prod')).toEqual(['second', 'first']);
    expect(await labelled('env=prod', 'urgent=true')).toEqual(['second']);
    expect(await labelled('tags=blue')).toEqual(['first']);
    expect(await labelled('tags=b')).toEqual([]);
    expect(await labelled('a=b=c')).toEqual(['third']);
    expect((await service.request('/v1/runs?metadata=ticket')).status).toBe(400);
  });

  it('filters by cost and by duration, including the bounds', async () => {
    for (const [prompt, costMicros, durationMs] of [
      ['cheap', 0, 900],
      ['fair', 500_000, 60_000],
      ['dear', 2_000_000, 600_000],
    ] as const) {
      const { id } = await service.submit({ prompt, user: 'spender' });
      await sql`update longhaul.runs set cost_micros = ${costMicros}, duration_ms = ${durationMs} where id = ${id}`.execute(
        service.database.sql,
      );
    }
    const found = (query: Record<string, string>) => find({ ...query, user: 'spender' });
    expect(await found({ minCostUsd: '0.5' })).toEqual(['dear', 'fair']);
    expect(await found({ minCostUsd: '0' })).toEqual(['dear', 'fair', 'cheap']);
    expect(await found({ maxCostUsd: '0.499999' })).toEqual(['cheap']);
    expect(await found({ minCostUsd: '0.1', maxCostUsd: '1' })).toEqual(['fair']);
    expect(await found({ minDurationSeconds: '60' })).toEqual(['dear', 'fair']);
    expect(await found({ maxDurationSeconds: '0.9' })).toEqual(['cheap']);
    for (const wrong of ['minCostUsd=-1', 'minCostUsd=1e3', 'maxDurationSeconds=x', 'minDurationSeconds=']) {
      expect((await service.request(`/v1/runs?${wrong}`)).status, wrong).toBe(400);
    }
  });

  it('finds runs of any of several statuses, of a team, and of the agents of a queue', async () => {
    const one = await service.submit({ prompt: 'one', user: 'parts', team: 'north' });
    await service.submit({ prompt: 'two', user: 'parts' });
    await service.submit({ agent: 'brief', prompt: 'three', user: 'parts' });
    await service.request(`/v1/runs/${one.id}/cancel`, { method: 'POST' });
    const found = (query: Record<string, string | string[]>) => find({ ...query, user: 'parts' });
    expect(await found({ anyStatus: ['queued', 'cancelled'] })).toEqual(['three', 'two', 'one']);
    expect(await found({ anyStatus: ['cancelled'] })).toEqual(['one']);
    expect(await found({ team: 'north' })).toEqual(['one']);
    expect(await found({ queue: 'brief' })).toEqual(['three']);
    expect(await found({ queue: 'none' })).toEqual([]);
    expect(await found({ retried: 'false' })).toHaveLength(3);
    await service.request(`/v1/runs/${one.id}/retry`, { method: 'POST' });
    expect(await found({ retried: 'true' })).toEqual(['one']);
  });

  it('shows a caller bound to a team no run of another team, whatever the filter', async () => {
    await service.submit({ prompt: 'a secret of south', team: 'south', metadata: { of: 'south' } });
    await service.submit({ prompt: 'a secret of west', team: 'west', metadata: { of: 'west' } });
    const key = await service.makeKey({ team: 'west' });
    expect(await find({ q: 'secret' }, key)).toEqual(['a secret of west']);
    expect(await find({ q: 'secret', team: 'south' }, key)).toEqual([]);
    expect(await find({ metadata: ['of=south'] }, key)).toEqual([]);
    const exported = await service.request('/v1/runs/export?q=secret', { key });
    expect(await exported.text()).not.toContain('south');
    const cancelled = await service.post('/v1/runs/cancel', { q: 'secret' }, { authorization: `Bearer ${key}` });
    expect(((await cancelled.json()) as { data: unknown[] }).data).toHaveLength(1);
  });

  it('counts an export among the open streams of a user, until it ends', async () => {
    const issued = await service.post('/v1/tokens', { user: 'exporter' });
    const { token } = (await issued.json()) as { token: string };
    const open = () => service.request('/v1/runs/export', { key: token });
    const exports = await Promise.all(Array.from({ length: MOST_STREAMS_OF_USER }, open));
    expect((await open()).status).toBe(429);
    await exports[0]!.body!.cancel();
    exports[0] = await open();
    expect(exports.map(({ status }) => status)).toEqual(exports.map(() => 200));
    await Promise.all(exports.map(({ body }) => body!.cancel()));
  });

  it('cuts texts for a list, between characters', async () => {
    await service.submit({ prompt: '🙂🙂🙂', user: 'cut' });
    const response = await service.request('/v1/runs?user=cut&maxText=2');
    const { data } = (await response.json()) as { data: RunResource[] };
    expect(data[0]?.prompt).toBe('🙂🙂');
  });

  it('exports all matching runs over several pages, as CSV that no spreadsheet executes and as lines of JSON', async () => {
    const runs = Array.from({ length: 250 }, (_, index) => ({
      agent: 'reader',
      prompt: `export ${index}`,
      user: 'csv',
    }));
    expect((await service.post('/v1/runs/batch', { runs })).status).toBe(202);
    await service.submit({ prompt: '=HYPERLINK("x"), "quoted"\nsecond line', user: 'csv' });
    const csv = await service.request('/v1/runs/export?user=csv');
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="runs.csv"');
    const text = await csv.text();
    expect(text.split('\r\n')[0]).toMatch(/^id,agent,status,user,/);
    expect(text.match(/^[0-9a-f-]{36},/gm)).toHaveLength(251);
    expect(text).toContain(`"'=HYPERLINK(""x""), ""quoted""\nsecond line"`);
    const lines = (await (await service.request('/v1/runs/export?user=csv&format=jsonl')).text()).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as RunResource).user)).toEqual(Array(251).fill('csv'));
    expect(await (await service.request('/v1/runs/export?user=nobody&format=jsonl')).text()).toBe('');
  });

  it('cancels all matching runs page by page, each once', async () => {
    const runs = Array.from({ length: 12 }, (_, index) => ({
      agent: 'reader',
      prompt: `sweep ${index}`,
      user: 'sweep',
    }));
    await service.post('/v1/runs/batch', { runs });
    const cancelled: string[] = [];
    let cursor: string | undefined;
    for (let isLast = false; !isLast;) {
      const response = await service.post('/v1/runs/cancel', { user: 'sweep', q: 'sweep', limit: 5, cursor });
      expect(response.status).toBe(202);
      const page = (await response.json()) as { data: RunResource[]; skipped: []; nextCursor: string | null };
      expect(page.skipped).toEqual([]);
      cancelled.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
      isLast = page.nextCursor === null;
    }
    expect(new Set(cancelled).size).toBe(12);
    expect(await find({ user: 'sweep', status: 'cancelled' })).toHaveLength(12);
    const again = await service.post('/v1/runs/cancel', {
      ids: [cancelled[0], '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f'],
    });
    const { data, skipped } = (await again.json()) as { data: []; skipped: { code: string }[] };
    expect(data).toEqual([]);
    expect(skipped.map(({ code }) => code)).toEqual(['conflict', 'run_not_found']);
  });

  it('finds runs that were submitted before their words were indexed', async () => {
    const { id } = await service.submit({ prompt: 'an antique run', metadata: { age: 'old' } });
    const { sql: connection } = service.database;
    await sql`delete from longhaul.run_search where run_id = ${id}`.execute(connection);
    await sql`insert into longhaul.runs_without_words values (${id})`.execute(connection);
    expect(await find({ q: 'antique' })).toEqual([]);
    const { signal } = new AbortController();
    expect(await noteOldWords(service.database, { signal })).toBe(1);
    expect(await noteOldWords(service.database, { signal })).toBe(0);
    expect(await find({ q: 'antique', metadata: ['age=old'] })).toEqual(['an antique run']);
    expect(await find({ q: 'antique', status: 'queued' })).toEqual(['an antique run']);
    expect((await service.post(`/v1/runs/${id}/cancel`, {})).status).toBe(202);
    expect(await find({ q: 'antique', status: 'cancelled', errorCode: 'cancelled' })).toEqual(['an antique run']);
    expect(await find({ q: 'antique', status: 'queued' })).toEqual([]);
  });
});
