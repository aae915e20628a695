import { z } from 'zod';
import type { ManagedApi, ManagedDeps } from '../deps.ts';
import { notFound } from '../error.ts';
import { readBody, readFlag, readLimit, readPage, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { archiveEnvironment, createEnvironment, deleteEnvironment, updateEnvironment } from './change-environments.ts';
import { environmentChangeSchema, newEnvironmentSchema } from './environment-schema.ts';
import { toWireEnvironment } from './environment.ts';
import { readEnvironment } from './environments.ts';
import { listEnvironments } from './list-environments.ts';

const LIMIT = { usual: 20, most: 100 };

const environmentsPage = z.strictObject({ before: z.uuid().nullable() });

/** Adds the routes of environments. */
export function addEnvironmentRoutes(api: ManagedApi, { database }: ManagedDeps): void {
  const mayRead = requireScope('runs:read');
  const mayWrite = requireScope('agents:write');

  api.post('/v1/environments', mayWrite, async (context) => {
    const given = await readBody(context, newEnvironmentSchema);
    const { keyId } = context.get('caller');
    return context.json(toWireEnvironment(await createEnvironment(database, { given, keyId })));
  });
  api.get('/v1/environments', mayRead, async (context) => {
    const { environments, next } = await listEnvironments(database, {
      page: readPage(context, environmentsPage),
      includeArchived: readFlag(context, 'include_archived'),
      limit: readLimit(context, LIMIT),
    });
    return context.json({
      data: environments.map(toWireEnvironment),
      next_page: next === null ? null : toPage({ ...next }),
    });
  });
  api.get('/v1/environments/:id', mayRead, async (context) => {
    const id = context.req.param('id');
    const environment = await readEnvironment(database, id);
    if (environment === null) throw notFound('environment', id);
    return context.json(toWireEnvironment(environment));
  });
  api.post('/v1/environments/:id', mayWrite, async (context) => {
    const change = await readBody(context, environmentChangeSchema);
    const meant = { id: context.req.param('id'), keyId: context.get('caller').keyId };
    return context.json(toWireEnvironment(await updateEnvironment(database, { ...meant, change })));
  });
  api.post('/v1/environments/:id/archive', mayWrite, async (context) => {
    const meant = { id: context.req.param('id'), keyId: context.get('caller').keyId };
    return context.json(toWireEnvironment(await archiveEnvironment(database, meant)));
  });
  api.delete('/v1/environments/:id', mayWrite, async (context) => {
    const id = context.req.param('id');
    await deleteEnvironment(database, { id, keyId: context.get('caller').keyId });
    return context.json({ id, type: 'environment_deleted' });
  });
}
