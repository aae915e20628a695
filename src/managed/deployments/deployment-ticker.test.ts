import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { revokeKey } from '../../access/keys.ts';
import { fromWireId, toWireId } from '../ids.ts';
import { readAll } from '../managed.fixture.ts';
import { createDeploymentTicker } from './deployment-ticker.ts';
import { cron, startDeployments, type TestDeployments } from './deployments.fixture.ts';

const MINUTE_MS = 60_000;

describe.each(DATABASE_KINDS)('deployments with a schedule on the %s database', (kind) => {
  let test: TestDeployments;
  beforeAll(async () => {
    test = await startDeployments(kind);
  });
  afterEach(() => test.archiveAll());
  afterAll(() => test.close());

  it('start one session at each tick, as sessions.create does', async () => {
    const deployment = await test.create({
      schedule: cron('0 0 * * *', 'Asia/Kolkata'),
      budget: { type: 'limit', max_list_cost: { amount: '250', currency: 'USD' } },
      metadata: { longhaul_user: `ann-${kind}`, colour: 'red' },
    });
    const due = await test.dueAt(deployment);
    expect(deployment.schedule?.upcoming_runs_at?.[0]).toBe(due.toISOString());
    expect(due.toISOString()).toMatch(/T18:30:00\.000Z$/);
    expect(await test.tickAll(new Date(due.getTime() - 1))).toEqual([]);
    const [ticked, ...others] = await test.tickAll(new Date(due.getTime() + 300));
    expect(others).toEqual([]);
    const [run, ...rest] = await test.runsOf(deployment);
    expect(rest).toEqual([]);
    expect(run).toEqual({
      id: expect.stringMatching(/^drun_[a-z2-7]{26}$/),
      type: 'deployment_run',
      deployment_id: deployment.id,
      agent: { type: 'agent', id: test.agentId, version: 1 },
      trigger_context: { type: 'schedule', scheduled_at: due.toISOString() },
      session_id: toWireId('sesn', ticked!.madeId!),
      error: null,
      created_at: expect.any(String),
    });
    expect(await test.client.beta.deploymentRuns.retrieve(run!.id)).toEqual(run);
    const session = await test.client.beta.sessions.retrieve(run!.session_id!);
    expect(session).toMatchObject({
      status: 'running',
      title: 'Report',
      deployment_id: deployment.id,
      metadata: { longhaul_user: `ann-${kind}` },
      budget: { max_list_cost: { amount: '250' } },
    });
    const { rows } = await sql`
      select prompt, user_id, created_by = (select created_by from longhaul.managed_deployments
        where id = ${fromWireId('depl', deployment.id)}) as "isOwn", audit.actor from longhaul.runs as run
        join longhaul.audit as audit on audit.subject = run.id::text and audit.action = 'run.submitted'
       where session_id = ${ticked!.madeId}`.execute(test.database.sql);
    expect(rows).toEqual([{ prompt: 'Report.', user_id: `ann-${kind}`, isOwn: true, actor: 'system' }]);
    const after = await test.client.beta.deployments.retrieve(deployment.id);
    expect(after.schedule?.last_run_at).toBe(run!.created_at);
    expect(await test.nextOf(deployment)).toEqual(new Date(due.getTime() + 24 * 60 * MINUTE_MS));
  });

  it('tick once when many servers poll at once', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => test.create({ schedule: cron('* * * * *') })));
    const now = await test.dueAt(made[0]!, 100);
    const ticked = await Promise.all(Array.from({ length: 5 }, () => test.tickAll(now)));
    expect(ticked.flat()).toHaveLength(4);
    for (const deployment of made) {
      expect(await test.runsOf(deployment)).toHaveLength(1);
      expect((await test.client.beta.sessions.list({ deployment_id: deployment.id })).data).toHaveLength(1);
    }
  });

  it('make the last of missed ticks, once, and no tick twice when the clock is set back', async () => {
    const deployment = await test.create({ schedule: cron('*/5 * * * *') });
    const ahead = await test.dueAt(deployment, 61 * MINUTE_MS);
    expect(await test.tickAll(ahead)).toHaveLength(1);
    const back = new Date(ahead.getTime() - 30 * MINUTE_MS);
    expect(await test.ticker.followClockBack(back)).toBe(1);
    expect(await test.tickAll(new Date(back.getTime() + 5 * MINUTE_MS))).toHaveLength(1);
    expect(await test.tickAll(ahead)).toMatchObject([{ madeId: null, rejection: null }]);
    const ticks = (await test.runsOf(deployment)).map(({ trigger_context: context }) => JSON.stringify(context));
    expect(ticks).toHaveLength(2);
    expect(new Set(ticks).size).toBe(2);
  });

  it('record a session that was refused, and try again at the next tick', async () => {
    const deployment = await test.create({
      schedule: cron('* * * * *'),
      metadata: { longhaul_user: `spent-${kind}` },
    });
    await test.tickAll(await test.dueAt(deployment));
    await test.tickAll(await test.dueAt(deployment));
    const [refused, first] = await test.runsOf(deployment);
    expect(first).toMatchObject({ error: null });
    expect(refused).toMatchObject({ session_id: null, error: { type: 'session_rate_limited_error' } });
    expect(refused!.error!.message).toMatch(/budget/);
    expect(await test.client.beta.deployments.retrieve(deployment.id)).toMatchObject({
      status: 'active',
      schedule: { last_run_at: first!.created_at },
    });
    const list = (query: object) =>
      readAll(test.client.beta.deploymentRuns.list({ deployment_id: deployment.id, limit: 1, ...query }));
    expect(await list({ has_error: true })).toEqual([refused]);
    expect(await list({ has_error: false })).toEqual([first]);
    expect(await list({ trigger_type: 'manual' })).toEqual([]);
    expect(await list({ trigger_type: 'schedule' })).toEqual([refused, first]);
    expect(await list({ 'created_at[gt]': first!.created_at })).toEqual([refused]);
    expect(await list({ 'created_at[lte]': first!.created_at })).toEqual([first]);
  });

  it.each([
    ['archive', 'environment_archived'],
    ['delete', 'environment_not_found'],
  ] as const)('are paused when their environment is gone (%s), and go on with another', async (end, reason) => {
    const environment = await test.client.beta.environments.create({ name: `${end} ${kind}` });
    const deployment = await test.create({ environment_id: environment.id, schedule: cron('* * * * *') });
    await test.client.beta.environments[end](environment.id);
    await test.tickAll(await test.dueAt(deployment));
    expect((await test.runsOf(deployment)).map(({ error }) => error?.type)).toEqual([`${reason}_error`]);
    const paused = await test.client.beta.deployments.retrieve(deployment.id);
    expect(paused).toMatchObject({
      status: 'paused',
      paused_reason: { type: 'error', error: { type: `${reason}_error` } },
      schedule: { last_run_at: null },
    });
    expect(paused.schedule?.upcoming_runs_at).toHaveLength(5);
    expect(await test.nextOf(deployment)).toBeNull();
    const asked = await test.client.beta.deployments.run(deployment.id);
    expect(asked).toMatchObject({ trigger_context: { type: 'manual' }, error: { type: `${reason}_error` } });
    await test.client.beta.deployments.update(deployment.id, { environment_id: 'env_default' });
    expect(await test.client.beta.deployments.unpause(deployment.id)).toMatchObject({
      status: 'active',
      paused_reason: null,
    });
    await test.tickAll(await test.dueAt(deployment));
    expect((await test.runsOf(deployment))[0]).toMatchObject({ error: null });
    const { rows: actions } = await sql<{ actor: string; action: string; data: string }>`
      select actor, action, data from longhaul.audit where subject = ${deployment.id} order by id`.execute(
      test.database.sql,
    );
    expect(actions.map(({ action }) => action.replace('deployment.', ''))).toEqual([
      'created',
      'paused',
      'updated',
      'unpaused',
      'ran',
    ]);
    expect(actions[1]).toMatchObject({
      actor: 'system',
      data: expect.stringContaining(reason) as string,
    });
  });

  it('start a session and advance together, or not at all', async () => {
    const deployment = await test.create({ schedule: cron('* * * * *') });
    const due = await test.dueAt(deployment);
    const before = await test.sessionIds();
    await sql`alter table longhaul.managed_deployment_runs rename to away`.execute(test.database.sql);
    await expect(test.tickAll(due)).rejects.toThrow(/managed_deployment_runs/);
    await sql`alter table longhaul.away rename to managed_deployment_runs`.execute(test.database.sql);
    expect(await test.sessionIds()).toEqual(before);
    expect(await test.nextOf(deployment)).toEqual(due);
    expect(await test.tickAll(due)).toHaveLength(1);
    expect(await test.sessionIds()).toHaveLength(before.length + 1);
  });

  it('are paused when their key is revoked, and belong to the key that unpauses them', async () => {
    const key = await test.makeKey(['runs:read', 'runs:write']);
    const deployment = await test.create({ schedule: cron('* * * * *') }, test.clientOf(key));
    const uuid = fromWireId('depl', deployment.id);
    const { rows } = await sql<{ id: string }>`
      select created_by as id from longhaul.managed_deployments where id = ${uuid}`.execute(test.database.sql);
    await revokeKey(test.database, { id: rows[0]!.id, actor: 'system' });
    const due = await test.dueAt(deployment);
    expect(await test.tickAll(due)).toEqual([]);
    expect(await test.ticker.pauseOfRevokedKeys(due)).toEqual([uuid]);
    expect(await test.client.beta.deployments.retrieve(deployment.id)).toMatchObject({
      status: 'paused',
      paused_reason: { type: 'error', error: { type: 'unknown_error' } },
    });
    await test.client.beta.deployments.unpause(deployment.id);
    expect(await test.tickAll(await test.dueAt(deployment))).toMatchObject([{ madeId: expect.any(String) as string }]);
  });

  it('leave a tick for a minute to servers that have the agent, then record that none has it', async () => {
    const deployment = await test.create({ agent: 'agent_config_reader', schedule: cron('0 * * * *') });
    const agents = new Map([...test.config.agents].filter(([name]) => name !== 'reader'));
    const without = createDeploymentTicker({ ...test.deps, config: { ...test.config, agents } });
    const due = await test.dueAt(deployment);
    expect(await test.tickAll(new Date(due.getTime() + 30_000), without)).toEqual([]);
    await test.tickAll(new Date(due.getTime() + MINUTE_MS), without);
    expect(await test.runsOf(deployment)).toMatchObject([{ error: { type: 'session_creation_rejected_error' } }]);
  });

  it('are no schedules of Longhaul, whose servers make no ticks of them', async () => {
    await test.create({ schedule: cron('* * * * *') });
    const { rows } = await sql`select id from longhaul.schedules`.execute(test.database.sql);
    expect(rows).toEqual([]);
  });
});
