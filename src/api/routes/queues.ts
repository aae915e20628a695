import { z } from '@hono/zod-openapi';
import { isOperator, type Caller } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import type { Agent, Config } from '../../config/config.ts';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import { LonghaulError } from '../../core/errors.ts';
import { toModelKey } from '../../core/model-names.ts';
import { countHeld } from '../../run/waiting/concurrency.ts';
import { pauseQueue as pause, readPausedQueues, resumeQueue as resume } from '../../run/pause-queue.ts';
import { readProviderLimits, type ProviderLimitState } from '../../run/waiting/provider-limits.ts';
import type { ApiDeps } from '../api-deps.ts';
import { queueSchema, type QueueResource } from '../contract.ts';
import { pausedQueue } from '../openapi/examples.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

export const listQueues = route(
  {
    method: 'get',
    path: '/v1/queues',
    operationId: 'listQueues',
    tag: 'Service',
    access: 'application',
    summary: 'List queues and their waiting runs',
    responses: { 200: json(z.object({ data: z.array(queueSchema) }), 'All queues.'), ...problems(401, 403) },
  },
  async (context, deps) => context.json({ data: await readQueues(deps, context.get('caller')) }, 200),
);

const queueParams = z.object({ name: z.string() });

export const pauseQueue = route(
  {
    method: 'post',
    path: '/v1/queues/{name}/pause',
    operationId: 'pauseQueue',
    tag: 'Service',
    access: 'admin',
    example: pausedQueue,
    summary: 'Pause a queue',
    request: { params: queueParams },
    responses: {
      200: json(queueSchema, 'The changed queue.'),
      ...problems(401, 403, 404),
    },
  },
  async (context, deps) => {
    const name = requireQueue(deps, context.req.valid('param').name);
    const caller = context.get('caller');
    await pause(deps.database, { name, actor: keyActor(caller) });
    return context.json(await readQueue(deps, { name, caller }), 200);
  },
);

export const resumeQueue = route(
  {
    method: 'post',
    path: '/v1/queues/{name}/resume',
    operationId: 'resumeQueue',
    tag: 'Service',
    access: 'admin',
    summary: 'Resume a queue',
    request: { params: queueParams },
    responses: { 200: json(queueSchema, 'The changed queue.'), ...problems(401, 403, 404) },
  },
  async (context, deps) => {
    const name = requireQueue(deps, context.req.valid('param').name);
    const caller = context.get('caller');
    await resume(deps, { name, actor: keyActor(caller) });
    return context.json(await readQueue(deps, { name, caller }), 200);
  },
);

function toQueueNames({ agents }: Config): string[] {
  return [...new Set(withoutHealthAgent(agents).map((agent) => agent.queue))];
}

/** @throws {LonghaulError} `not_found` when no agent uses a queue of this name. */
function requireQueue({ config }: ApiDeps, name: string): string {
  const names = toQueueNames(config);
  if (names.includes(name)) return name;
  throw new LonghaulError('not_found', {
    message: `There is no queue "${name}"; the queues are: ${names.join(', ')}.`,
  });
}

async function readQueue(deps: ApiDeps, { name, caller }: { name: string; caller: Caller }): Promise<QueueResource> {
  return (await readQueues(deps, caller)).find((queue) => queue.name === name)!;
}

async function readQueues({ config, database, queue }: ApiDeps, caller: Caller): Promise<QueueResource[]> {
  const names = toQueueNames(config);
  const [depths, undelivered, paused, held, limits] = await Promise.all([
    queue.depth(names),
    Promise.all(names.map((name) => queue.countUndelivered(name))),
    readPausedQueues(database),
    countHeld(database),
    readProviderLimits(database),
  ]);
  return depths.map(({ queue: name, ...depth }) => ({
    name,
    ...depth,
    held: held.get(name) ?? 0,
    undelivered: undelivered[names.indexOf(name)] ?? null,
    ...findLimit({ agents: [...config.agents.values()].filter((agent) => agent.queue === name), limits, caller }),
    pausedAt: paused.get(name)?.toISOString() ?? null,
  }));
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
