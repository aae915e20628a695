import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { startApi, type TestApi } from '../api.fixture.ts';
import type { AlertResource } from '../contract.ts';

describe.each(DATABASE_KINDS)('the alerts over HTTP, on the %s database', (kind) => {
  let service: TestApi;
  const ids: string[] = [];
  const at = new Date('2026-03-10T12:00:00Z');

  beforeAll(async () => {
    service = await startApi(kind);
    for (const [state, severity] of [
      ['resolved', 'warning'],
      ['open', 'warning'],
      ['open', 'critical'],
    ] as const) {
      const id = createId();
      ids.push(id);
      await service.database.sql
        .insertInto('longhaul.alerts')
        .values({
          id,
          key: `k:${id}`,
          rule: 'drift',
          severity,
          state,
          title: 'Title',
          detail: 'Detail.',
          data: '{"share":0.2}',
          opened_at: at,
          last_seen_at: at,
          notified_at: at,
          resolved_at: state === 'open' ? null : at,
        })
        .execute();
      await service.database.sql
        .insertInto('longhaul.alert_deliveries')
        .values({
          id: createId(),
          alert_id: id,
          channel: 'log',
          what: 'opened',
          content: '{}',
          next_attempt_at: at,
          at,
        })
        .execute();
    }
  });
  afterAll(() => service.close());

  const list = async (query = '') => {
    const response = await service.request(`/v1/alerts${query}`);
    expect(response.status).toBe(200);
    return (await response.json()) as { data: AlertResource[]; nextCursor: string | null };
  };
  const acknowledge = (id: string, key?: string) =>
    service.request(`/v1/alerts/${id}/acknowledge`, { method: 'POST', ...(key !== undefined && { key }) });

  it('are listed newest first, with their notifications, filtered and in pages', async () => {
    const { data, nextCursor } = await list();
    expect(nextCursor).toBeNull();
    expect(data.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(data[0]).toMatchObject({
      severity: 'critical',
      data: { share: 0.2 },
      openedAt: '2026-03-10T12:00:00.000Z',
      deliveries: [{ channel: 'log', what: 'opened', status: 'pending', attempts: 0, deliveredAt: null }],
    });
    expect((await list('?state=open&severity=warning')).data.map(({ id }) => id)).toEqual([ids[1]]);
    const first = await list('?limit=2');
    expect(first.nextCursor).toBe(ids[1]);
    expect(await list(`?limit=2&cursor=${first.nextCursor}`)).toMatchObject({
      data: [{ id: ids[0] }],
      nextCursor: null,
    });
  });

  it('are acknowledged once, and the first acknowledgement is kept', async () => {
    const response = await acknowledge(ids[2]!);
    expect(response.status).toBe(200);
    const first = (await response.json()) as AlertResource;
    expect(first).toMatchObject({ id: ids[2], acknowledgedAt: expect.any(String) as string });
    expect(await (await acknowledge(ids[2]!)).json()).toEqual(first);
    expect((await acknowledge(createId())).status).toBe(404);
    expect((await acknowledge('latest')).status).toBe(400);
  });

  it.each(['state=shut', 'severity=loud', 'limit=201', 'limit=0', 'cursor=x', 'agent=reader'])(
    'reject ?%s',
    async (query) => {
      expect((await service.request(`/v1/alerts?${query}`)).status).toBe(400);
    },
  );

  it('are for operators', async () => {
    expect((await service.request('/v1/alerts', { key: service.plainKey })).status).toBe(403);
    expect((await acknowledge(ids[1]!, service.plainKey)).status).toBe(403);
  });
});
