import { createRoute } from '@hono/zod-openapi';
import { describeDatabase } from '../../db/describe-database.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { serverHealthSchema } from '../contract.ts';
import { json, problems } from './answers.ts';

/** Adds the route that shows the versions and the database of a server. */
export function addServerHealthRoute(api: Api, { database, version }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/health/server',
      summary: 'Show the versions and the database of the server',
      description: 'For operators. Of the server that answers; others may have another version during an update.',
      responses: { 200: json(serverHealthSchema, 'The server.'), ...problems(401, 403) },
    }),
    async (context) =>
      context.json({ version, nodeVersion: process.versions.node, database: await describeDatabase(database) }, 200),
  );
}
