import type Anthropic from 'anthropic-1.14';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { MANAGED_WEBHOOK_EVENTS } from '../../core/webhooks.ts';
import { fromWireId } from '../ids.ts';
import { readAll, refusalOf } from '../managed.fixture.ts';
import {
  cron,
  startDeployments,
  toMessage,
  type CreateParams,
  type Deployment,
  type TestDeployments,
} from './deployments.fixture.ts';

describe.each(DATABASE_KINDS)('deployments on the %s database', (kind) => {
  let test: TestDeployments;
  beforeAll(async () => {
    test = await startDeployments(kind);
  });
  afterEach(() => test.archiveAll());
  afterAll(() => test.close());

  it('are reported to webhooks whose key may see them', async () => {
    const hook = async (user: string | null) => {
      const id = createId();
      await test.database.sql
        .insertInto('longhaul.webhook_endpoints')
        .values({
          id,
          key_id: createId(),
          user_id: user,
          team: null,
          url: 'https://example.com/hook',
          format: 'anthropic',
          events: MANAGED_WEBHOOK_EVENTS.filter((event) => event.startsWith('deployment')),
          description: null,
        })
        .execute();
      return async () => {
        const { rows } = await sql<{ type: string; subject: string }>`
          select type, body::json -> 'data' ->> 'id' as subject from longhaul.webhook_deliveries
           where endpoint_id = ${id} order by id`.execute(test.database.sql);
        return rows.map(({ type, subject }) => [type, subject]);
      };
    };
    const [every, own, other] = [await hook(null), await hook('hooked'), await hook('other')];
    const deployment = await test.create({ metadata: { longhaul_user: 'hooked' } });
    const run = await test.client.beta.deployments.run(deployment.id);
    await test.client.beta.deployments.pause(deployment.id);
    await test.client.beta.deployments.unpause(deployment.id);
    await test.client.beta.deployments.update(deployment.id, { name: 'Other' });
    // No money is left for a second run.
    const refused = await test.client.beta.deployments.run(deployment.id);
    expect(refused.error).not.toBeNull();
    await test.client.beta.deployments.archive(deployment.id);
    const reported = [
      ['deployment.created', deployment.id],
      ['deployment_run.started', run.id],
      ['deployment.paused', deployment.id],
      ['deployment.unpaused', deployment.id],
      ['deployment.updated', deployment.id],
      ['deployment_run.failed', refused.id],
      ['deployment.archived', deployment.id],
    ];
    expect(await every()).toEqual(reported);
    expect(await own()).toEqual(reported);
    expect(await other()).toEqual([]);
  });

  it('are paused, run on request, changed and archived', async () => {
    const agent = await test.client.beta.agents.create({ name: 'Changing', model: 'claude-sonnet-4-5' });
    const deployment = await test.create({
      agent: agent.id,
      schedule: cron('0 9 * * 1-5', 'America/New_York'),
      description: 'For nobody',
    });
    const paused = await test.client.beta.deployments.pause(deployment.id);
    expect(paused).toMatchObject({ status: 'paused', paused_reason: { type: 'manual' } });
    expect(await test.client.beta.deployments.pause(deployment.id)).toEqual(paused);
    const run = await test.client.beta.deployments.run(deployment.id);
    expect(run).toMatchObject({ trigger_context: { type: 'manual' }, error: null });
    expect((await test.client.beta.sessions.retrieve(run.session_id!)).deployment_id).toBe(deployment.id);
    expect((await test.client.beta.deployments.retrieve(deployment.id)).schedule?.last_run_at).toBeNull();
    await test.client.beta.agents.update(agent.id, { version: 1, system: 'You report.' });
    const changed = await test.client.beta.deployments.update(deployment.id, {
      agent: agent.id,
      description: '',
      schedule: null,
      initial_events: [toMessage('Report again.')],
      metadata: { a: '1' },
    });
    expect(changed).toMatchObject({
      status: 'paused',
      description: null,
      schedule: null,
      metadata: { a: '1' },
      agent: { version: 2 },
      initial_events: [toMessage('Report again.')],
    });
    expect(await test.client.beta.deployments.update(deployment.id, { name: 'Report', agent: agent.id })).toEqual(
      changed,
    );
    await test.client.beta.deployments.unpause(deployment.id);
    expect(await test.nextOf(deployment)).toBeNull();
    await test.client.beta.deployments.update(deployment.id, { schedule: cron('30 2 * * *') });
    expect(await test.nextOf(deployment)).not.toBeNull();
    const archived = await test.client.beta.deployments.archive(deployment.id);
    expect(archived).toMatchObject({
      status: 'active',
      archived_at: expect.any(String) as string,
      schedule: { upcoming_runs_at: [] },
    });
    expect(await test.client.beta.deployments.archive(deployment.id)).toEqual(archived);
    expect(await test.nextOf(deployment)).toBeNull();
    for (const call of [
      () => test.client.beta.deployments.update(deployment.id, { name: 'x' }),
      () => test.client.beta.deployments.pause(deployment.id),
      () => test.client.beta.deployments.unpause(deployment.id),
      () => test.client.beta.deployments.run(deployment.id),
    ])
      expect(await refusalOf(call())).toMatchObject({ status: 400, type: 'invalid_request_error' });
  });

  it('are refused when no session of them could be created, and leave none', async () => {
    const before = await test.sessionIds();
    const of = (events: readonly unknown[]) =>
      refusalOf(test.create({ initial_events: events as CreateParams['initial_events'] }));
    const document = (source: object) => ({ type: 'user.message', content: [{ type: 'document', source }] });
    expect((await of([document({ type: 'file', file_id: 'file_nowhere' })])).message).toContain('file_nowhere');
    expect((await of([toMessage('x'.repeat(5_001))])).message).toContain('5000 characters');
    expect((await of(Array.from({ length: 50 }, () => toMessage('x'.repeat(10_001))))).message).toContain('500000');
    expect(await test.sessionIds()).toEqual(before);
    const { rows } = await sql`select id from longhaul.files`.execute(test.database.sql);
    expect(rows).toEqual([]);
  });

  it('name files that the caller sees who has written their events', async () => {
    const [ann, bob] = [await test.clientOfUser('fay'), await test.clientOfUser('gus')];
    const file = await ann.beta.files.upload({ file: new File(['Rain.'], 'notes.txt', { type: 'text/plain' }) });
    const source = { type: 'file' as const, file_id: file.id };
    const events = [{ type: 'user.message' as const, content: [{ type: 'document' as const, source }] }];
    expect((await refusalOf(test.create({ initial_events: events }, bob))).message).toContain(file.id);
    const deployment = await test.create({ initial_events: events }, ann);
    expect(deployment.initial_events).toEqual(events);
    expect(await test.client.beta.deployments.run(deployment.id)).toMatchObject({ error: null });
    await ann.beta.files.delete(file.id);
    const { error } = await test.client.beta.deployments.run(deployment.id);
    expect(error).toMatchObject({ type: 'session_creation_rejected_error' });
    expect(error!.message).toContain(file.id);
  });

  it('are archived with their agent', async () => {
    const agent = await test.client.beta.agents.create({ name: 'Brief', model: 'claude-sonnet-4-5' });
    const deployment = await test.create({
      agent: { type: 'agent', id: agent.id, version: 1 },
      schedule: cron('* * * * *'),
    });
    const due = await test.dueAt(deployment);
    await test.client.beta.agents.archive(agent.id);
    expect((await test.client.beta.deployments.retrieve(deployment.id)).archived_at).not.toBeNull();
    expect(await test.tickAll(due)).toEqual([]);
    expect((await refusalOf(test.create({ agent: agent.id }))).code).toBe('agent_archived');
  });

  it('are listed by pages, agent, status and time', async () => {
    const agent = await test.client.beta.agents.create({ name: 'Listed', model: 'claude-sonnet-4-5' });
    const made: Deployment[] = [];
    for (let index = 0; index < 3; index++) made.unshift(await test.create({ agent: agent.id, name: `No. ${index}` }));
    const [newest, middle, oldest] = made as [Deployment, Deployment, Deployment];
    const paused = await test.client.beta.deployments.pause(middle.id);
    const archived = await test.client.beta.deployments.archive(oldest.id);
    const list = (query: object = {}) =>
      readAll(test.client.beta.deployments.list({ agent_id: agent.id, limit: 1, ...query }));
    expect(await list()).toEqual([newest, paused]);
    expect(await list({ include_archived: true })).toEqual([newest, paused, archived]);
    expect(await list({ status: 'paused' })).toEqual([paused]);
    expect(await list({ status: 'active' })).toEqual([newest]);
    expect(await list({ 'created_at[gte]': newest.created_at })).toEqual([newest]);
    expect(await list({ 'created_at[lte]': middle.created_at })).toEqual([paused]);
    expect(await refusalOf(list({ status: 'active', include_archived: true }))).toMatchObject({ status: 400 });
    expect((await test.client.beta.sessions.list({ deployment_id: 'depl_nobody' })).data).toEqual([]);
    expect((await test.client.beta.deploymentRuns.list({ deployment_id: 'depl_nobody' })).data).toEqual([]);
  });

  it('of a bound key are seen and used by that user only', async () => {
    const [ann, bob] = [await test.clientOfUser('ann'), await test.clientOfUser('bob')];
    const deployment = await test.create({ schedule: cron('0 0 1 1 *') }, ann);
    const run = await ann.beta.deployments.run(deployment.id);
    expect((await ann.beta.deployments.list()).data.map(({ id }) => id)).toEqual([deployment.id]);
    expect((await bob.beta.deployments.list()).data).toEqual([]);
    expect((await bob.beta.deploymentRuns.list()).data).toEqual([]);
    for (const call of [
      () => bob.beta.deployments.retrieve(deployment.id),
      () => bob.beta.deployments.update(deployment.id, { name: 'Mine' }),
      () => bob.beta.deployments.pause(deployment.id),
      () => bob.beta.deployments.unpause(deployment.id),
      () => bob.beta.deployments.run(deployment.id),
      () => bob.beta.deployments.archive(deployment.id),
      () => bob.beta.deploymentRuns.retrieve(run.id),
    ])
      expect(await refusalOf(call())).toMatchObject({ status: 404, type: 'not_found_error' });
    expect((await refusalOf(test.create({ metadata: { longhaul_user: 'ann' } }, bob))).status).toBe(403);
    const reads = test.clientOf(await test.makeKey(['runs:read']));
    expect((await reads.beta.deployments.retrieve(deployment.id)).id).toBe(deployment.id);
    expect((await refusalOf(reads.beta.deployments.pause(deployment.id))).status).toBe(403);
    const owned = test.client.beta.deployments.update(deployment.id, { metadata: { longhaul_user: 'bob' } });
    expect((await refusalOf(owned)).message).toContain('metadata.longhaul_user');
  });

  it.each([
    [{ agent: 'agent_nobody' }, 404],
    [{ agent: { type: 'agent_with_overrides', id: 'agent_config_reader' } }, 400],
    [{ environment_id: 'env_nowhere' }, 404],
    [{ initial_events: [] }, 400],
    [{ initial_events: [{ type: 'system.message', content: [] }] }, 400],
    [{ initial_events: [{ type: 'user.interrupt' }] }, 400],
    [{ name: '' }, 400],
    [{ vault_ids: ['vlt_1'] }, 400],
    [{ resources: [{ type: 'file', file_id: 'file_1' }] }, 400],
    [{ schedule: cron('@daily') }, 400],
    [{ schedule: cron('0 0 L * *') }, 400],
    [{ schedule: cron('0 0 * * 5#2') }, 400],
    [{ schedule: cron('0 0 30 2 *') }, 400],
    [{ schedule: cron('* * * * * *') }, 400],
    [{ schedule: cron('0 9 * * *', 'Mars/Base') }, 400],
    [{ schedule: { type: 'cron', expression: '0 9 * * *' } }, 400],
    [{ budget: { type: 'limit', max_list_cost: { amount: '2.50', currency: 'USD' } } }, 400],
    [{ colour: 'red' }, 400],
  ])('are refused with %j, when they are created and when they are changed', async (wrong, status) => {
    const created = await refusalOf(test.create(wrong as Partial<CreateParams>));
    expect(created.status).toBe(status);
    const [field] = Object.keys(wrong);
    if (created.code === 'not_supported') expect(created.field).toContain(field);
    else if (status === 400) expect(created.message).toContain(field);
    const { id } = await test.create();
    expect(
      (await refusalOf(test.client.beta.deployments.update(id, wrong as Anthropic.Beta.DeploymentUpdateParams))).status,
    ).toBe(status);
  });

  it('accept names of days and months, and both Sundays', async () => {
    for (const expression of ['0 9 * * MON-FRI', '0 9 1 jan,Jul *', '*/10 8-18/2 * * 0,7'])
      await test.create({ schedule: cron(expression) });
  });

  it('of a user are a hundred at most, and archived ones do not count', async () => {
    const mine = { metadata: { longhaul_user: `max-${kind}` } };
    const first = await test.create(mine);
    await sql`
      insert into longhaul.managed_deployments (id, name, agent_id, agent_version, environment_id, initial_events,
          metadata, user_id, created_by)
      select gen_random_uuid(), name, agent_id, agent_version, environment_id, initial_events, metadata, user_id, created_by
        from longhaul.managed_deployments, generate_series(2, 100)
       where id = ${fromWireId('depl', first.id)}`.execute(test.database.sql);
    expect((await refusalOf(test.create(mine))).message).toContain('100 deployments');
    await test.client.beta.deployments.archive(first.id);
    await test.create(mine);
  });
});
