import { z } from '@hono/zod-openapi';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import { readWorkers, requestDrain, type LiveWorker } from '../../run/workers.ts';
import { workerSchema, type WorkerResource } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { idParams } from './requests.ts';

export const listWorkers = route(
  {
    method: 'get',
    path: '/v1/workers',
    operationId: 'listWorkers',
    tag: 'Service',
    access: 'admin',
    summary: 'List live workers',
    responses: { 200: json(z.object({ data: z.array(workerSchema) }), 'All live workers.'), ...problems(401, 403) },
  },
  async (context, { database }) => context.json({ data: (await readWorkers(database)).map(toWorkerResource) }, 200),
);

export const drainWorker = route(
  {
    method: 'post',
    path: '/v1/workers/{id}/drain',
    operationId: 'drainWorker',
    tag: 'Service',
    access: 'admin',
    summary: 'Drain a worker',
    description:
      'For operator keys. The worker takes no more runs, finishes its current runs and stops, as after SIGTERM. Runs that are still running after the drain timeout are handed to another worker. Idempotent.',
    request: { params: idParams('a worker') },
    responses: { 202: json(workerSchema, 'The worker.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const worker = await requestDrain(database, { id, actor: keyActor(context.get('caller')) });
    if (worker === null) {
      throw new LonghaulError('not_found', { message: `There is no worker ${id}, or it is no longer alive.` });
    }
    return context.json(toWorkerResource(worker), 202);
  },
);

function toWorkerResource({ isDraining, startedAt, heartbeatAt, ...worker }: LiveWorker): WorkerResource {
  return {
    ...worker,
    state: isDraining ? 'draining' : worker.holdingReason !== null ? 'holding' : 'working',
    startedAt: startedAt.toISOString(),
    heartbeatAt: heartbeatAt.toISOString(),
  };
}
