import { z } from 'zod';
import { toViewer } from '../../access/caller.ts';
import type { ManagedApi, ManagedDeps } from '../deps.ts';
import { invalid } from '../error.ts';
import { readBody, readFlag, readLimit, readPage, readRange, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import {
  archiveDeployment,
  createDeployment,
  pauseDeployment,
  unpauseDeployment,
  updateDeployment,
} from './change-deployments.ts';
import { toWireDeploymentRun } from './deployment-run.ts';
import { deploymentChangeSchema, newDeploymentSchema } from './deployment-schema.ts';
import { toWireDeployment } from './deployment.ts';
import { findDeployment, listDeployments } from './read-deployments.ts';
import { runDeployment } from './run-deployment.ts';

const LIMIT = { usual: 20, most: 100 };

const page = z.strictObject({ before: z.uuid() });

const CHANGES = { archive: archiveDeployment, pause: pauseDeployment, unpause: unpauseDeployment } as const;

/**
 * Adds the routes of deployments. They need the scopes of sessions and of Longhaul's schedules, not `agents:write`: a
 * deployment does what its key could do by creating a session at each tick.
 */
export function addDeploymentRoutes(api: ManagedApi, deps: ManagedDeps): void {
  const mayRead = requireScope('runs:read');
  const mayWrite = requireScope('runs:write');
  const { database } = deps;

  api.post('/v1/deployments', mayWrite, async (context) => {
    const given = await readBody(context, newDeploymentSchema);
    const created = await createDeployment(deps, { given, caller: context.get('caller') });
    return context.json(toWireDeployment(created));
  });
  api.get('/v1/deployments', mayRead, async (context) => {
    const status = context.req.query('status') ?? null;
    if (status !== null && status !== 'active' && status !== 'paused')
      throw invalid('status: must be active or paused');
    const hasArchived = readFlag(context, 'include_archived');
    if (status !== null && hasArchived) throw invalid('status: cannot be combined with include_archived');
    const { deployments, hasMore } = await listDeployments(database, {
      viewer: toViewer(context.get('caller')),
      agentId: context.req.query('agent_id') ?? null,
      status,
      hasArchived,
      createdAt: readRange(context, 'created_at'),
      before: readPage(context, page)?.before ?? null,
      limit: readLimit(context, LIMIT),
    });
    return context.json({
      data: deployments.map(toWireDeployment),
      next_page: hasMore ? toPage({ before: deployments.at(-1)!.id }) : null,
    });
  });
  api.get('/v1/deployments/:id', mayRead, async (context) => {
    const meant = { id: context.req.param('id'), caller: context.get('caller') };
    return context.json(toWireDeployment(await findDeployment(database, meant)));
  });
  api.post('/v1/deployments/:id', mayWrite, async (context) => {
    const change = await readBody(context, deploymentChangeSchema);
    const meant = { id: context.req.param('id'), caller: context.get('caller') };
    return context.json(toWireDeployment(await updateDeployment(deps, { ...meant, change })));
  });
  for (const name of ['archive', 'pause', 'unpause'] as const) {
    api.post(`/v1/deployments/:id/${name}`, mayWrite, async (context) => {
      const meant = { id: context.req.param('id'), caller: context.get('caller') };
      return context.json(toWireDeployment(await CHANGES[name](deps, meant)));
    });
  }
  api.post('/v1/deployments/:id/run', mayWrite, async (context) => {
    const meant = { id: context.req.param('id'), caller: context.get('caller') };
    return context.json(toWireDeploymentRun(await runDeployment(deps, meant)));
  });
}
