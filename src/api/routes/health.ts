import { z } from '@hono/zod-openapi';
import { checkAgent } from '../agent-check.ts';
import { agentHealthSchema } from '../contract.ts';
import { seconds } from '../input-fields.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

const healthSchema = z.object({ status: z.string(), version: z.string() }).openapi('Health');

const readinessSchema = healthSchema
  .extend({
    queue: z
      .enum(['ok', 'away'])
      .optional()
      .describe('`away`: Redis, SQS or notifications do not wake workers, so runs begin up to 2 s later.'),
  })
  .openapi('Readiness');

export const getLiveness = route(
  {
    method: 'get',
    path: '/livez',
    operationId: 'getLiveness',
    tag: 'Service',
    access: 'everyone',
    summary: 'Check that the process is alive',
    security: [],
    responses: { 200: json(healthSchema, 'The process is alive.') },
  },
  (context, { version }) => context.json({ status: 'alive', version }, 200),
);

export const getReadiness = route(
  {
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    tag: 'Service',
    access: 'everyone',
    summary: 'Check that runs can be submitted',
    description: 'Checks that the database accepts writes and that the process is not about to stop.',
    security: [],
    responses: {
      200: json(readinessSchema, 'Runs can be submitted.'),
      503: json(readinessSchema, 'Runs cannot be submitted now.'),
    },
  },
  async (context, { isLeaving = () => false, log, probeWrites, queue, version }) => {
    if (isLeaving()) return context.json({ status: 'leaving', version }, 503);
    try {
      await probeWrites();
      return context.json({ status: 'ready', version, queue: queue.backend.isAway ? 'away' : 'ok' } as const, 200);
    } catch (error) {
      log.warn({ err: error }, 'not ready: the database accepts no writes');
      return context.json({ status: 'unavailable', version }, 503);
    }
  },
);

export const getAgentHealth = route(
  {
    method: 'get',
    path: '/v1/health/agent',
    operationId: 'getAgentHealth',
    tag: 'Service',
    access: 'anyone',
    summary: 'Check that an agent answers',
    description:
      'Asks an agent for one word, within one turn and $0.01, through a worker, Claude Code and the provider. The answer is cached for `health.everySeconds`, and the whole fleet asks once, so clients may poll as often as they like.',
    request: {
      query: z.strictObject({
        wait: seconds({ min: 0, max: 60 })
          .optional()
          .openapi({ description: 'Seconds to wait when there is no answer yet. Defaults to 20.' }),
      }),
    },
    responses: {
      200: json(agentHealthSchema, 'The agent answers.'),
      503: json(agentHealthSchema, 'The agent does not answer.'),
      ...problems(400, 401),
    },
  },
  async (context, deps) => {
    const { wait = 20 } = context.req.valid('query');
    const health = await checkAgent(deps, { waitMs: wait * 1_000, signal: context.req.raw.signal });
    return context.json(health, health.status === 'unhealthy' ? 503 : 200);
  },
);
