import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { AgentHealth } from './contract.ts';

describe.each(DATABASE_KINDS)('the check of the agent, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
    await sql`
      insert into longhaul.workers (id, host, pid, version, slots) values (gen_random_uuid(), 'truck-7', 1, '1', 4)`.execute(
      service.database.sql,
    );
  });
  afterAll(() => service.close());
  beforeEach(async () => {
    await sql`delete from longhaul.agent_checks`.execute(service.database.sql);
    await sql`update longhaul.workers set heartbeat_at = now() + interval '1 hour'`.execute(service.database.sql);
    for (const claimed of await service.claimUpTo(100, HEALTH_AGENT)) await service.finish(claimed);
  });

  const check = async (wait: number, key?: string) => {
    const response = await service.request(`/v1/health/agent?wait=${wait}`, key === undefined ? {} : { key });
    return { status: response.status, health: (await response.json()) as AgentHealth };
  };
  const grow = (older: string) =>
    sql`update longhaul.agent_checks set begun_at = begun_at - ${sql.lit(older)}::interval`.execute(
      service.database.sql,
    );
  /** Waits for the question, as a worker does, and answers it. */
  const answer = async (detail?: string) => {
    let claims: Awaited<ReturnType<TestApi['claimUpTo']>> = [];
    await expect
      .poll(async () => (claims = await service.claimUpTo(100, HEALTH_AGENT)).length, { timeout: 10_000 })
      .toBe(1);
    await service.finish(claims[0]!, detail);
    return claims[0]!.run;
  };

  it('asks once for many concurrent callers, and caches the answer', async () => {
    const asked = Promise.all(Array.from({ length: 8 }, () => check(20, service.plainKey)));
    const run = await answer();
    for (const { status, health } of await asked) {
      expect(status).toBe(200);
      expect(health).toMatchObject({
        status: 'healthy',
        runId: run.id,
        code: null,
        isBeingChecked: false,
        agent: 'reader',
      });
    }
    expect(run).toMatchObject({ prompt: 'Reply with OK', limits: { maxBudgetUsd: 0.01, maxTurns: 1 } });
    await grow('599 seconds');
    expect((await check(0)).health.runId).toBe(run.id);
    expect(await service.claimUpTo(1, HEALTH_AGENT)).toEqual([]);
  });

  it('asks again when the answer is old, and returns the old answer meanwhile', async () => {
    const first = check(20);
    const { id } = await answer();
    await first;
    await grow('601 seconds');
    expect((await check(0)).health).toMatchObject({ status: 'healthy', runId: id, isBeingChecked: true });
    const second = await answer();
    expect((await check(0)).health).toMatchObject({ status: 'healthy', runId: second.id, isBeingChecked: false });
  });

  it('responds with 503 and the code when the run failed, and checks again after a minute', async () => {
    const asked = check(20);
    await answer('invalid x-api-key sk-secret');
    const { status, health } = await asked;
    expect(status).toBe(503);
    expect(health).toMatchObject({ status: 'unhealthy', code: 'provider_auth', latencyMs: null });
    expect(JSON.stringify(health)).not.toContain('sk-secret');
    await grow('61 seconds');
    const again = check(20);
    await answer();
    expect((await again).health.status).toBe('healthy');
  });

  it('distinguishes a late answer, a fleet without free slots and a fleet without workers', async () => {
    expect((await check(0)).health).toMatchObject({ status: 'degraded', isBeingChecked: true, checkedAt: null });
    await grow('61 seconds');
    // No worker claimed the question: it is cancelled and replaced by a new one.
    expect(await check(0)).toMatchObject({ status: 200, health: { status: 'degraded' } });
    await sql`update longhaul.workers set heartbeat_at = now() - interval '1 minute'`.execute(service.database.sql);
    expect(await check(0)).toMatchObject({ status: 503, health: { status: 'unhealthy' } });
    await sql`update longhaul.runs set created_at = created_at - interval '20 seconds' where agent = ${HEALTH_AGENT}`.execute(
      service.database.sql,
    );
    await answer();
    expect((await check(0)).health).toMatchObject({
      status: 'degraded',
      detail: expect.stringMatching(/^The agent answered in 2/) as string,
    });
  });

  it('uses an agent that accepts no submissions and is not listed', async () => {
    const response = await service.post('/v1/runs', { agent: HEALTH_AGENT, prompt: 'hello' });
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain(`, ${HEALTH_AGENT}`);
    const agents = (await (await service.request('/v1/agents')).json()) as { data: { name: string }[] };
    expect(agents.data.map(({ name }) => name)).toEqual(['reader', 'brief']);
    expect((await service.request('/v1/health/agent', { key: 'none' })).status).toBe(401);
  });
});
