import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { MANAGED_WEBHOOK_EVENTS } from '../../core/webhooks.ts';
import { askPerson } from '../approvals/approval.fixture.ts';
import { decideApproval } from '../approvals/decide-approval.ts';
import { cancelRun } from '../cancel.ts';
import type { Claim } from '../claim/claim.ts';
import { createRunBench, settlement, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';
import { changeSessionBudget } from '../waiting/change-session-budget.ts';

describe.each(DATABASE_KINDS)('webhooks of managed sessions, on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterEach(async () => {
    await sql`delete from longhaul.webhook_deliveries`.execute(bench.database.sql);
    await sql`delete from longhaul.webhook_endpoints`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  interface Owners {
    readonly user?: string | null;
    readonly team?: string | null;
    readonly tenant?: string | null;
  }

  async function createEndpoint({ user = null, team = null }: Owners = {}, changes: object = {}) {
    const id = createId();
    await bench.database.sql
      .insertInto('longhaul.webhook_endpoints')
      .values({
        id,
        key_id: createId(),
        user_id: user,
        team,
        url: 'https://example.com/hook',
        format: 'anthropic',
        events: [...MANAGED_WEBHOOK_EVENTS],
        description: null,
        ...changes,
      })
      .execute();
    return id;
  }

  async function createSession({ user = 'ann', team = null, tenant = null }: Owners = {}, budgetMicros?: number) {
    const id = createId();
    await sql`insert into longhaul.sessions (id, agent, user_id, team, tenant, last_turn, is_managed)
      values (${id}, 'reader', ${user}, ${team}, ${tenant}, 0, true)`.execute(bench.database.sql);
    await sql`insert into longhaul.managed_sessions (id, agent_id, agent_version, agent, environment_id, metadata,
        budget_micros, initial_budget_micros)
      values (${id}, 'agent_config_reader', 1, '{}', 'env_default', '{}', ${budgetMicros ?? null}, ${budgetMicros ?? null})`.execute(
      bench.database.sql,
    );
    return { id, submit: () => bench.submit({ user, team, tenant, session: { id, isFork: false } }) };
  }

  /** Takes the types of the deliveries that were written since the last call, in order. */
  async function told(endpointId?: string): Promise<string[]> {
    const rows = await bench.database.sql
      .deleteFrom('longhaul.webhook_deliveries')
      .where('run_id', 'is', null)
      .$if(endpointId !== undefined, (rows) => rows.where('endpoint_id', '=', endpointId!))
      .returning(['id', 'type'])
      .execute();
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ type }) => type.replace('session.', ''));
  }

  const decide = (id: string) =>
    decideApproval(
      { ...bench },
      {
        id,
        viewer: SEES_ALL,
        actor: 'key:x',
        decision: { status: 'allowed', updatedInput: null, reason: null },
      },
    );
  const behind = (claimed: Claim, events: number): Claim => ({ ...claimed, lastSeq: claimed.lastSeq + events });
  const failed = (code: 'provider_overloaded' | 'max_budget') =>
    ({ outcome: { status: 'failed', code, detail: '' } }) as const;
  const spend = (costMicros: number) => ({ metered: { ...settlement.metered, costMicros }, reported: null });

  it('report each change of the status once, however long a person thinks', async () => {
    await createEndpoint();
    const { submit } = await createSession();
    await submit();
    expect(await told()).toEqual([]);
    const claimed = await bench.claim();
    expect(await told()).toEqual(['status_run_started']);
    const first = await askPerson(bench.database, { claimed });
    expect(await told()).toEqual(['status_idled', 'requires_action']);
    const second = await askPerson(bench.database, { claimed: behind(claimed, 1), toolUseId: 'toolu_2' });
    expect(await told()).toEqual(['status_idled', 'requires_action']);
    const waiting = await bench.settle(claimed, { outcome: { status: 'handed_back' } });
    expect(waiting).toMatchObject({ status: 'waiting', waitingFor: 'approval' });
    expect(await told()).toEqual([]);
    await decide(first.id);
    expect(await told()).toEqual(['status_idled', 'requires_action']);
    await decide(second.id);
    expect(await told()).toEqual(['status_run_started']);
    await bench.settle(await bench.claim());
    expect(await told()).toEqual(['status_idled']);
  });

  it('report a session as idle once, behind its last turn', async () => {
    await createEndpoint();
    const { submit } = await createSession();
    const runs = [await submit(), await submit(), await submit()];
    const first = await bench.claim();
    // Of a later turn nothing is seen yet.
    await cancelRun(bench, runs[2]!.id, { actor: 'key:x', viewer: SEES_ALL });
    expect(await told()).toEqual(['status_run_started']);
    await bench.settle(first);
    expect(await told()).toEqual([]);
    await bench.settle(await bench.claim());
    expect(await told()).toEqual(['status_idled']);
  });

  it('report attempts that fail or are lost, and the attempts that follow', async () => {
    await createEndpoint();
    await (await createSession()).submit();
    await bench.settle(await bench.claim(), failed('provider_overloaded'));
    expect(await told()).toEqual(['status_run_started', 'status_rescheduled']);
    await bench.endWait();
    const { run } = await bench.claim();
    expect(await told()).toEqual(['status_run_started']);
    await bench.expireLease(run.id);
    expect((await bench.sweep()).map(({ id }) => id)).toEqual([run.id]);
    expect(await told()).toEqual(['status_rescheduled']);
    await bench.endWait();
    const again = await bench.claim();
    expect(await told()).toEqual(['status_run_started']);
    // Void: another worker has settled it.
    expect(await bench.settle({ ...again, lease: { ...again.lease, fence: again.lease.fence - 1 } })).toBeNull();
    expect(await told()).toEqual([]);
    await bench.settle(again);
    expect(await told()).toEqual(['status_idled']);
  });

  it('report a session that reaches its budget, and goes on', async () => {
    await createEndpoint();
    const session = await createSession({}, 500_000);
    await session.submit();
    await bench.settle(await bench.claim(), { ...failed('max_budget'), ...spend(500_000) });
    expect(await told()).toEqual(['status_run_started', 'status_idled', 'budget_reached']);
    await bench.database.sql
      .transaction()
      .execute((trx) => changeSessionBudget(trx, { deps: bench, sessionId: session.id, budgetMicros: 800_000 }));
    expect(await told()).toEqual(['status_run_started']);
    await bench.settle(await bench.claim(), spend(300_000));
    expect(await told()).toEqual(['status_idled', 'budget_reached']);
  });

  it('are for the endpoints whose key may see the session, and for events that these want', async () => {
    const every = await createEndpoint();
    const ends = await createEndpoint({}, { events: ['session.status_idled'] });
    const ann = await createEndpoint({ user: 'ann' });
    const blue = await createEndpoint({ team: 'blue' });
    const annOfBlue = await createEndpoint({ user: 'ann', team: 'blue' });
    const others = [
      await createEndpoint({ user: 'bob' }),
      await createEndpoint({ team: 'red' }),
      await createEndpoint({}, { disabled_at: new Date() }),
      await createEndpoint({}, { format: 'longhaul', events: ['run.succeeded'], key_id: createId() }),
    ];
    const run = async (owners: Owners) => {
      await (await createSession(owners)).submit();
      await bench.settle(await bench.claim());
      const seen = await Promise.all(
        Object.entries({ every, ends, ann, blue, annOfBlue }).map(async ([name, id]) => [
          name,
          (await told(id)).length,
        ]),
      );
      return Object.fromEntries(seen) as Record<string, number>;
    };
    expect(await run({ user: 'ann' })).toEqual({ every: 2, ends: 1, ann: 2, blue: 0, annOfBlue: 0 });
    expect(await run({ user: 'ann', team: 'blue' })).toEqual({ every: 2, ends: 1, ann: 2, blue: 2, annOfBlue: 2 });
    // A user of the team is another person than the application's user of that name.
    expect(await run({ user: 'ann', team: 'blue', tenant: 'blue' })).toEqual({
      every: 2,
      ends: 1,
      ann: 0,
      blue: 2,
      annOfBlue: 2,
    });
    for (const id of others) expect(await told(id)).toEqual([]);
  });

  it('leave runs alone that are of no managed session', async () => {
    await createEndpoint();
    await bench.submit();
    await bench.settle(await bench.claim());
    expect(await told()).toEqual([]);
  });
});
