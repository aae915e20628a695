import { describeDatabase } from '../../db/describe-database.ts';
import { serverHealthSchema } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

export const getServerHealth = route(
  {
    method: 'get',
    path: '/v1/health/server',
    operationId: 'getServerHealth',
    tag: 'Service',
    access: 'admin',
    summary: 'Show the versions, the database and the queue of the server',
    description: 'For operators. Of the server that answers; others may have another version during an update.',
    responses: { 200: json(serverHealthSchema, 'The server.'), ...problems(401, 403) },
  },
  async (context, { database, queue, version }) => {
    const { kind: backend, isAway } = queue.backend;
    const nodeVersion = process.versions.node;
    const facts = await describeDatabase(database);
    return context.json({ version, nodeVersion, database: facts, queue: { backend, isAway } }, 200);
  },
);
