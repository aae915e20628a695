import { createRoute, z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import { isOperator, type Caller } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Agent } from '../../config/config.ts';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import { toModelKey } from '../../core/model-names.ts';
import { LonghaulError } from '../../core/errors.ts';
import { CHANNELS, type Database } from '../../db/database.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { countHeld } from '../../run/concurrency.ts';
import { readProviderLimits, type ProviderLimitState } from '../../run/provider-limits.ts';
import { agentSchema, queueSchema, workerSchema, type WorkerResource } from '../contract.ts';
import { id } from '../input-fields.ts';
import { json, problems } from './answers.ts';

/** A worker whose last heartbeat is older is no longer alive. */
const HEARD_OF = sql<Date>`now() - interval '30 seconds'`;

/** Adds the routes that list agents, queues and workers, pause and resume queues, and drain workers. */
export function addOperationRoutes(api: Api, { config, database, queue }: ApiDeps): void {
  const queueNames = [...new Set(withoutHealthAgent(config.agents).map((agent) => agent.queue))];

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/agents',
      summary: 'List agents',
      responses: { 200: json(z.object({ data: z.array(agentSchema) }), 'All agents.'), ...problems(401) },
    }),
    (context) => {
      const data = withoutHealthAgent(config.agents).map(({ name, model, tools, permissionMode, queue, limits }) => ({
        name,
        model,
        tools: [...tools],
        permissionMode,
        queue,
        limits,
      }));
      return context.json({ data }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/queues',
      summary: 'List queues and their waiting runs',
      responses: { 200: json(z.object({ data: z.array(queueSchema) }), 'All queues.'), ...problems(401, 403) },
    }),
    async (context) => context.json({ data: await readQueues(context.get('caller')) }, 200),
  );

  for (const action of ['pause', 'resume'] as const) {
    api.openapi(
      createRoute({
        method: 'post',
        path: `/v1/queues/{name}/${action}`,
        summary: action === 'pause' ? 'Pause a queue' : 'Resume a queue',
        request: { params: z.object({ name: z.string() }) },
        responses: { 200: json(queueSchema, 'The changed queue.'), ...problems(401, 403, 404) },
      }),
      async (context) => {
        const { name } = context.req.valid('param');
        if (!queueNames.includes(name)) {
          throw new LonghaulError('not_found', {
            message: `There is no queue "${name}"; the queues are: ${queueNames.join(', ')}.`,
          });
        }
        const paused_at = action === 'pause' ? sql<Date>`coalesce(queues.paused_at, now())` : null;
        const actor = keyActor(context.get('caller'));
        const audited = action === 'pause' ? 'queue.paused' : 'queue.resumed';
        await database.sql.transaction().execute(async (trx) => {
          await trx
            .insertInto('longhaul.queues')
            .values({ name, paused_at: action === 'pause' ? sql<Date>`now()` : null })
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ paused_at }))
            .execute();
          await recordAudit(trx, { actor, action: audited, subject: name, data: {} });
        });
        if (action === 'resume') await queue.announce(name);
        const [found] = (await readQueues(context.get('caller'))).filter((queue) => queue.name === name);
        return context.json(found!, 200);
      },
    );
  }

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/workers',
      summary: 'List live workers',
      responses: { 200: json(z.object({ data: z.array(workerSchema) }), 'All live workers.'), ...problems(401, 403) },
    }),
    async (context) => context.json({ data: await readWorkers() }, 200),
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/workers/{id}/drain',
      summary: 'Drain a worker',
      description:
        'For operator keys. The worker takes no more runs, finishes its current runs and stops, as after SIGTERM. Runs that are still running after the drain timeout are handed to another worker. Idempotent.',
      request: {
        params: z.object({
          id: id("must be a worker's id, a UUID").openapi({ format: 'uuid', description: "The worker's id." }),
        }),
      },
      responses: { 202: json(workerSchema, 'The worker.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const worker = await database.sql.transaction().execute(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('longhaul.workers')
          .set({ drain_requested_at: sql<Date>`coalesce(drain_requested_at, clock_timestamp())` })
          .where('id', '=', id)
          .where('heartbeat_at', '>', HEARD_OF)
          .executeTakeFirstOrThrow();
        // Nothing was requested, because the worker is not alive.
        if (numUpdatedRows === 0n) return null;
        const actor = keyActor(context.get('caller'));
        await recordAudit(trx, { actor, action: 'worker.drain_requested', subject: id, data: {} });
        await sql`select pg_notify(${CHANNELS.drain}, ${id})`.execute(trx);
        // Read before the worker receives the notification, because an idle worker stops at once.
        return (await readWorkers(trx)).find((one) => one.id === id) ?? null;
      });
      if (worker === null) {
        throw new LonghaulError('not_found', { message: `There is no worker ${id}, or it is no longer alive.` });
      }
      return context.json(worker, 202);
    },
  );

  /** Reads the workers with a heartbeat in the last 30 s, oldest first. */
  async function readWorkers(connection: Database['sql'] = database.sql): Promise<WorkerResource[]> {
    const rows = await connection
      .selectFrom('longhaul.workers')
      .selectAll()
      .select((worker) =>
        worker
          .selectFrom('longhaul.runs')
          .select((run) => run.fn.countAll<number>().as('count'))
          .where('status', '=', 'running')
          .whereRef('lease_worker_id', '=', 'longhaul.workers.id')
          .as('running'),
      )
      .where('heartbeat_at', '>', HEARD_OF)
      .orderBy('started_at')
      .execute();
    return rows.map(({ id, host, pid, version, slots, spares, containment, ...row }) => ({
      id,
      host,
      pid,
      version,
      slots,
      running: row.running ?? 0,
      freeMemoryBytes: row.free_memory_bytes,
      spares,
      containment,
      state: row.drain_requested_at !== null ? 'draining' : row.holding_reason !== null ? 'holding' : 'working',
      holdingReason: row.holding_reason,
      startedAt: row.started_at.toISOString(),
      heartbeatAt: row.heartbeat_at.toISOString(),
    }));
  }

  async function readQueues(caller: Caller) {
    const [depths, rows, held, limits] = await Promise.all([
      queue.depth(queueNames),
      database.sql.selectFrom('longhaul.queues').selectAll().execute(),
      countHeld(database),
      readProviderLimits(database),
    ]);
    return depths.map(({ queue: name, ...depth }) => ({
      name,
      ...depth,
      held: held.get(name) ?? 0,
      ...findLimit({ agents: [...config.agents.values()].filter((agent) => agent.queue === name), limits, caller }),
      pausedAt: rows.find((row) => row.name === name)?.paused_at?.toISOString() ?? null,
    }));
  }
}

interface LimitOptions {
  readonly agents: readonly Agent[];
  readonly limits: readonly ProviderLimitState[];
  readonly caller: Caller;
}

/** Finds the provider limit that delays the runs of these agents longest. */
function findLimit({ agents, limits, caller }: LimitOptions) {
  const models = new Set(['*', ...agents.map(({ model }) => toModelKey(model))]);
  const longest = limits
    .filter(({ model }) => models.has(model))
    .sort((a, b) => b.until.getTime() - a.until.getTime())[0];
  return {
    limitedUntil: longest?.until.toISOString() ?? null,
    limitReason: longest === undefined || !isOperator(caller) ? null : longest.message,
  };
}
