import { createRoute, z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import { checkAgent } from '../agent-check.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { agentHealthSchema } from '../contract.ts';
import { seconds } from '../input-fields.ts';
import { json, problems } from './answers.ts';

const healthSchema = z.object({ status: z.string(), version: z.string() }).openapi('Health');

/** Whether the process lives and can take runs, without a key, for probes have none; and whether an agent answers. */
export function addHealthRoutes(api: Api, deps: ApiDeps): void {
  const { database, version, isLeaving = () => false, log } = deps;
  api.openapi(
    createRoute({
      method: 'get',
      path: '/livez',
      summary: 'Whether the process is alive',
      security: [],
      responses: { 200: json(healthSchema, 'It is.') },
    }),
    (context) => context.json({ status: 'alive', version }, 200),
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/readyz',
      summary: 'Whether runs can be submitted here: the database answers, and the process is not about to stop',
      security: [],
      responses: { 200: json(healthSchema, 'They can.'), 503: json(healthSchema, 'They cannot now.') },
    }),
    async (context) => {
      if (isLeaving()) return context.json({ status: 'leaving', version }, 503);
      try {
        await sql`select 1`.execute(database.sql);
        return context.json({ status: 'ready', version }, 200);
      } catch (error) {
        log.warn({ err: error }, 'not ready: the database does not answer');
        return context.json({ status: 'unavailable', version }, 503);
      }
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/health/agent',
      summary: 'Whether an agent answers, by asking it',
      description:
        'Asks for one word, within one turn and $0.01, through a worker, Claude Code and the provider. An answer is kept for `health.everySeconds`, and the whole fleet asks once: ask for it as often as you like.',
      request: {
        query: z.strictObject({
          wait: seconds({ min: 0, max: 60 })
            .optional()
            .openapi({ description: 'Seconds to wait for an answer that is not there yet. Defaults to 20.' }),
        }),
      },
      responses: {
        200: json(agentHealthSchema, 'It answers.'),
        503: json(agentHealthSchema, 'It does not.'),
        ...problems(400, 401),
      },
    }),
    async (context) => {
      const { wait = 20 } = context.req.valid('query');
      const health = await checkAgent(deps, { waitMs: wait * 1_000, signal: context.req.raw.signal });
      return context.json(health, health.status === 'unhealthy' ? 503 : 200);
    },
  );
}
