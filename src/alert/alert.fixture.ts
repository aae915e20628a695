import { sql } from 'kysely';
import type { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import type { Config } from '../config/config.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import type { RunErrorCode } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import type { Channel } from './channels/channel.ts';
import { deliverDue } from './deliver.ts';
import { evaluateRules } from './evaluate.ts';
import { createAlertFacts } from './facts.ts';
import { listAlerts, type ToldAlert } from './read-alerts.ts';
import { createRunRow } from '../db/run-row.fixture.ts';

export const MINUTE_MS = 60_000;

const NOON = new Date('2026-03-10T12:00:00Z');

interface RunOptions {
  readonly agent?: string;
  /** Null: the run succeeded. */
  readonly errorCode?: RunErrorCode | null;
  readonly costUsd?: number;
  readonly finishedAt?: Date;
}

type Attempt = { readonly errorCode: RunErrorCode; readonly finishedAt: Date; readonly workerId?: string };

interface AddedWorker {
  readonly heartbeatAt: Date;
  readonly id?: string;
  readonly agents?: string[];
  readonly fault?: string;
  readonly drain_requested_at?: Date;
  /** The last time that its event loop was blocked. */
  readonly stall?: { readonly ms: number; readonly at: Date };
}

interface Delivery {
  readonly lane: string;
  readonly endpointId?: string | null;
  readonly status?: 'delivered' | 'failed' | 'pending';
  readonly at?: Date;
  readonly isTest?: boolean;
}

/** Creates a configuration with the agents `reader` and `writer`. */
export function createConfig(parts: Partial<LonghaulConfig> = {}): Config {
  const input = { agents: { reader: { tools: [] }, writer: { tools: [] } }, ...parts };
  return resolveConfig({ input, baseDir: '/', env: {} });
}

/** Creates a database with a queue and a manual clock, and short functions for events of runs. */
export async function createAlertBench(kind: (typeof DATABASE_KINDS)[number]) {
  const { database, url, queue, remove } = await createQueueDatabase(kind, ['reader', 'writer']);
  let now = NOON;

  async function addRun({ agent = 'reader', errorCode = null, costUsd = 0, finishedAt = now }: RunOptions = {}) {
    const id = createId();
    await database.sql
      .insertInto('longhaul.runs')
      .values(
        createRunRow({
          id,
          agent,
          status: errorCode === null ? 'succeeded' : 'failed',
          error_code: errorCode,
          prompt: 'a secret prompt',
          cost_micros: costUsd * 1e6,
          finished_at: finishedAt,
        }),
      )
      .execute();
    return id;
  }

  return {
    database,
    queue,
    url,
    remove,
    now: () => now,
    /** Advances the clock. */
    pass: (ms: number) => {
      now = new Date(now.getTime() + ms);
    },
    addRun,
    async addAttempt({ errorCode, finishedAt, workerId = createId() }: Attempt) {
      await database.sql
        .insertInto('longhaul.attempts')
        .values({
          id: createId(),
          run_id: await addRun({ errorCode, finishedAt }),
          number: 1,
          worker_id: workerId,
          fence: 1,
          agent: 'reader',
          outcome: 'failed',
          error_code: errorCode,
          finished_at: finishedAt,
          lost_at: errorCode === 'worker_lost' ? finishedAt : null,
        })
        .execute();
    },
    async addWorker({ heartbeatAt, stall, id = createId(), ...rest }: AddedWorker) {
      await database.sql
        .insertInto('longhaul.workers')
        .values({
          id,
          host: 'truck-7',
          pid: 1,
          version: '1',
          slots: 4,
          heartbeat_at: heartbeatAt,
          last_stall_ms: stall?.ms ?? null,
          last_stalled_at: stall?.at ?? null,
          ...rest,
        })
        .execute();
      return id;
    },
    /** Adds a queued run. */
    async addQueued({
      agent,
      createdAt,
      ...rest
    }: {
      agent: string;
      createdAt: Date;
      queue?: string;
      held_for?: 'user';
    }) {
      const id = await addRun({ agent });
      await database.sql
        .updateTable('longhaul.runs')
        .set({ status: 'queued', created_at: createdAt, finished_at: null, ...rest })
        .where('id', '=', id)
        .execute();
    },
    /** Adds a delivery of a webhook. By default it failed just now. */
    async addDelivery({ lane, endpointId = null, status = 'failed', at = now, isTest = false }: Delivery) {
      await database.sql
        .insertInto('longhaul.webhook_deliveries')
        .values({
          id: createId(),
          run_id: isTest ? null : await addRun(),
          endpoint_id: endpointId,
          key_id: createId(),
          type: 'run.succeeded',
          url: 'https://shop.example.com/hooks/a-secret',
          body: '{}',
          lane,
          status,
          attempts_left: 0,
          last_attempt_at: at,
          delivered_at: status === 'delivered' ? at : null,
          response_status: status === 'delivered' ? 204 : 500,
        })
        .execute();
    },
    async addWebhook(id = createId()) {
      const url = 'https://shop.example.com/hooks/a-secret';
      const values = {
        id,
        key_id: createId(),
        user_id: null,
        team: null,
        url,
        events: ['run.succeeded'],
        description: null,
      };
      await database.sql.insertInto('longhaul.webhook_endpoints').values(values).execute();
      return id;
    },
    /** Sets the cost of the day in the ledger's sums. */
    async setDay({
      day,
      costUsd = 0,
      sdkUsd = 0,
      ownUsd = 0,
    }: {
      day: string;
      costUsd?: number;
      sdkUsd?: number;
      ownUsd?: number;
    }) {
      const [cost, sdk, own] = [costUsd, sdkUsd, ownUsd].map((usd) => Math.round(usd * 1e6));
      await sql`delete from longhaul.cost_rollups where start = ${day}::date`.execute(database.sql);
      await sql`
        insert into longhaul.cost_rollups
        select (jsonb_populate_record(null::longhaul.cost_rollups, (
          select json_object_agg(column_name, 0) from information_schema.columns
           where table_schema = 'longhaul' and table_name = 'cost_rollups' and data_type = 'bigint')
          ::jsonb || ${JSON.stringify({ dimension: 'total', period: 'day', start: day, key: '', cost_micros: cost, compared_sdk_micros: sdk, compared_own_micros: own })}::jsonb)).*`.execute(
        database.sql,
      );
    },
    async setAccount(account: {
      scope: string;
      key: string;
      period: string;
      start: string;
      spent: number;
      reserved?: number;
    }) {
      const { scope, key, period, start, spent, reserved = 0 } = account;
      await sql`
        insert into longhaul.budget_accounts (scope, key, period, start, spent_micros, reserved_micros)
        values (${scope}, ${key}, ${period}, ${start}::date, ${spent * 1e6}, ${reserved * 1e6})
        on conflict (scope, key, period, start) do update
          set spent_micros = excluded.spent_micros, reserved_micros = excluded.reserved_micros`.execute(database.sql);
    },
    async enqueue(count: number, name = 'reader') {
      await database.sql.transaction().execute(async (trx) => {
        for (let i = 0; i < count; i++)
          await queue.enqueue(trx, { runId: createId(), queue: name, priority: 0, startAfter: null });
      });
    },
    /** Evaluates the due rules at the clock's time; returns how many there were. */
    evaluate: (config: Config = createConfig()) =>
      evaluateRules({
        database,
        facts: createAlertFacts({ config, database, queue }),
        alerts: config.alerts,
        now,
        everyMs: MINUTE_MS,
        onError: (error) => {
          throw error;
        },
      }),
    /** Delivers due messages of the channel; returns the reasons of failed attempts. */
    async deliver(channel: Channel, signal = new AbortController().signal) {
      const reasons: string[] = [];
      const onFailure = ({ reason }: { reason: string }) => reasons.push(reason);
      await deliverDue(database, { channel, readNow: async () => now, signal, onFailure });
      return reasons;
    },
    /** Returns the alerts with `key`, or all, newest first. */
    async alerts(key?: string): Promise<ToldAlert[]> {
      const { alerts } = await listAlerts(database, { limit: 200 });
      return key === undefined ? alerts : alerts.filter((alert) => alert.key === key);
    },
    /** Empties the queues. */
    empty: () => sql`delete from longhaul_queue.job`.execute(database.sql),
    /** Returns the rules that have been evaluated. */
    turns: () => database.sql.selectFrom('longhaul.alert_rules').selectAll().execute(),
    /** Deletes everything that has happened, and sets the clock back. */
    async clear() {
      now = NOON;
      for (const table of [
        'alerts',
        'alert_rules',
        'webhook_deliveries',
        'webhook_endpoints',
        'runs',
        'workers',
        'budget_accounts',
        'budgets',
        'cost_rollups',
      ])
        await sql`delete from ${sql.table(`longhaul.${table}`)}`.execute(database.sql);
      await sql`delete from longhaul_queue.job`.execute(database.sql);
    },
  };
}

export type AlertBench = Awaited<ReturnType<typeof createAlertBench>>;
