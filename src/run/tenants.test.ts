import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { toUserKey, type Owner } from '../core/user-key.ts';
import type { Database } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import { findRun } from './read/read-runs.ts';
import { createRunBench, settlement, type RunBench } from './run.fixture.ts';

const north = { user: 'ann', team: 'north', tenant: 'north' };
const south = { user: 'ann', team: 'south', tenant: 'south' };
const own = { user: 'ann', team: null, tenant: null };

describe.each(DATABASE_KINDS)('users of one name, in a run’s life on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  it('have one key in code and in the database', async () => {
    const owners: Owner[] = [
      own,
      north,
      { user: '[x', tenant: null },
      { user: '3', tenant: '🧭🧭' },
      { user: null, tenant: null },
    ];
    for (const { user, tenant } of owners) {
      const { rows } = await sql`select longhaul.user_key(${tenant}::text, ${user}::text) as key`.execute(
        bench.database.sql,
      );
      expect(rows).toEqual([{ key: toUserKey({ user, tenant }) }]);
    }
  });

  it('each have their own concurrency limit', async () => {
    bench.configure({ limits: { perUser: { concurrent: 1 } } });
    for (const who of [north, north, south, own, own]) await bench.submit(who);
    const claims = await bench.claimUpTo(10);
    expect(claims).toHaveLength(3);
    expect(new Set(claims.map(({ run }) => run.tenant))).toEqual(new Set([null, 'north', 'south']));
    const settled = claims.find(({ run }) => run.tenant === 'north')!;
    await bench.settle(settled);
    const [next, ...others] = await bench.claimUpTo(10);
    expect(next?.run.tenant).toBe('north');
    expect(others).toEqual([]);
    for (const claimed of [...claims.filter((one) => one !== settled), next!]) await bench.settle(claimed);
    for (const claimed of await bench.claimUpTo(10)) await bench.settle(claimed);
    bench.configure({});
  });

  it('each wait for their own budget, and are released by their own', async () => {
    bench.configure({ limits: { perUser: { usdPerDay: 1, whenReached: 'wait' } } });
    const runs = [];
    for (const who of [north, north, south, south]) runs.push(await bench.submit({ ...who, user: 'meg' }));
    expect(runs.map(({ status }) => status)).toEqual(['queued', 'waiting', 'queued', 'waiting']);
    const claims = await bench.claimUpTo(10);
    expect(claims.map(({ run }) => run.id).sort()).toEqual([runs[0]!.id, runs[2]!.id].sort());
    await bench.settle(
      claims.find(({ run }) => run.tenant === 'south')!,
      {
        metered: { ...settlement.metered, costMicros: 0 },
        reported: null,
      },
    );
    const [next, ...others] = await bench.claimUpTo(10);
    expect(next?.run.id).toBe(runs[3]!.id);
    expect(others).toEqual([]);
    bench.configure({});
  });
});

describe.each(DATABASE_KINDS)('a %s database from before teams had their own users', (kind) => {
  let store: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    store = await createTestDatabase(kind, { isEmpty: true });
    ({ database } = store);
  });
  afterAll(() => store.remove());

  const [bound, unbound] = [createId(), createId()];
  const ids = { finished: createId(), running: createId(), application: createId(), gone: createId() };

  /** The data as before: all of it counts for one `ann`. */
  async function fill(): Promise<void> {
    const write = (statement: string) => sql.raw(statement).execute(database.sql);
    for (const [id, team] of [
      [bound, "'north'"],
      [unbound, 'null'],
    ]) {
      await write(`insert into longhaul.api_keys (id, name, hash, scopes, team)
        values ('${id}', 'key', '${id}', '{runs:write}', ${team})`);
    }
    for (const [id, key, status, reserved] of [
      [ids.finished, bound, 'succeeded', 0],
      [ids.running, bound, 'queued', 400_000],
      [ids.application, unbound, 'queued', 300_000],
    ]) {
      await write(`insert into longhaul.runs (id, agent, queue, status, prompt, user_id, team, session_id, metadata, priority,
          limits, max_attempts, retry_policy, created_by, reserved_micros, reserved_on, event_seq)
        values ('${id}', 'reader', 'reader', '${status}', 'hello', 'ann', 'north', gen_random_uuid(), '{}', 0,
          '{"maxBudgetUsd":1}', 3, '{}', '${key}', ${reserved}, case when ${reserved} > 0 then (now() at time zone 'UTC')::date end, 1)`);
      await write(`insert into longhaul.run_events (run_id, seq, type, attempt, data, user_id, team)
        values ('${id}', 1, 'run.queued', 0, '{}', 'ann', 'north')`);
      await write(`insert into longhaul.schedules (id, agent, prompt, cron, time_zone, user_id, team, metadata, priority,
          requested_limits, missed, created_by)
        values ('${id}', 'reader', 'hello', '@daily', 'UTC', 'ann', 'north', '{}', 0, '{}', 'once', '${key}')`);
    }
    for (const [id, cost] of [
      [ids.finished, 50_000],
      [ids.application, 20_000],
      [ids.gone, 7_000],
    ]) {
      await write(`insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, outcome, cost_micros)
        values (gen_random_uuid(), 0, '${id}', 1, 'reader', 'ann', 'north', 'succeeded', ${cost})`);
    }
    for (const period of ['day', 'month']) {
      await write(`insert into longhaul.budget_accounts (scope, key, period, start, spent_micros, reserved_micros)
        values ('user', 'ann', '${period}', longhaul.period_start('${period}', (now() at time zone 'UTC')::date), 77000, 700000)`);
    }
  }

  it('keeps the counts and gives each user their own, and an unfinished run ends as usual', async () => {
    await migrate(database, { upTo: 18 });
    await fill();
    await migrate(database);

    const { rows: accounts } = await sql`
      select key, period, spent_micros as spent, reserved_micros as reserved from longhaul.budget_accounts
       where scope = 'user' order by period, key desc`.execute(database.sql);
    const expected = ['day', 'month'].flatMap((period) => [
      // For sums without a run, the owner is unknown.
      { key: 'ann', period, spent: 27_000, reserved: 300_000 },
      { key: '[5]northann', period, spent: 57_000, reserved: 400_000 },
    ]);
    expect(accounts).toEqual(expected);
    const viewer = { user: 'ann', team: null };
    expect(await findRun(database, { runId: ids.application, viewer })).toMatchObject({ tenant: null });
    expect(await findRun(database, { runId: ids.running, viewer })).toBeNull();
    for (const table of ['run_events', 'schedules', 'ledger_entries', 'sessions']) {
      const { rows } = await sql
        .raw<{ tenant: string | null }>(`select tenant from longhaul.${table}`)
        .execute(database.sql);
      expect(rows.filter(({ tenant }) => tenant === 'north').length).toBe(table === 'ledger_entries' ? 1 : 2);
    }

    await sql`select longhaul.spend_budget(${ids.running}, 100000, true, 'UTC')`.execute(database.sql);
    const { rows: after } = await sql`
      select spent_micros as spent, reserved_micros as reserved from longhaul.budget_accounts
       where key = '[5]northann' and period = 'day'`.execute(database.sql);
    expect(after).toEqual([{ spent: 157_000, reserved: 0 }]);
  });
});
