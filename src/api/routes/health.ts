import { createRoute, z } from '@hono/zod-openapi';
import { sql } from 'kysely';
import type { Api, ApiDeps } from '../api-deps.ts';
import { json } from './answers.ts';

const healthSchema = z.object({ status: z.string(), version: z.string() }).openapi('Health');

/** Whether the process lives, and whether it can take runs. No key: probes have none. */
export function addHealthRoutes(api: Api, { database, version, log }: ApiDeps): void {
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
      summary: 'Whether runs can be submitted: the database answers',
      security: [],
      responses: { 200: json(healthSchema, 'They can.'), 503: json(healthSchema, 'They cannot now.') },
    }),
    async (context) => {
      try {
        await sql`select 1`.execute(database.sql);
        return context.json({ status: 'ready', version }, 200);
      } catch (error) {
        log.warn({ err: error }, 'not ready: the database does not answer');
        return context.json({ status: 'unavailable', version }, 503);
      }
    },
  );
}
