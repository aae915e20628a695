import { NIL } from 'uuid';
import { z } from 'zod';
import { toViewer } from '../../access/caller.ts';
import type { ManagedApi, ManagedDeps } from '../deps.ts';
import { invalid } from '../error.ts';
import { fromWireId } from '../ids.ts';
import { readFlag, readLimit, readPage, readRange, toPage } from '../read-request.ts';
import { requireScope } from '../require-scope.ts';
import { toWireDeploymentRun } from './deployment-run.ts';
import { findDeploymentRun, listDeploymentRuns } from './read-deployment-runs.ts';

const LIMIT = { usual: 20, most: 100 };

const page = z.strictObject({ before: z.uuid() });

/** Adds the routes of the attempts of deployments to start sessions. */
export function addDeploymentRunRoutes(api: ManagedApi, { database }: ManagedDeps): void {
  const mayRead = requireScope('runs:read');

  api.get('/v1/deployment_runs', mayRead, async (context) => {
    const trigger = context.req.query('trigger_type') ?? null;
    if (trigger !== null && trigger !== 'schedule' && trigger !== 'manual')
      throw invalid('trigger_type: must be schedule or manual');
    const id = context.req.query('deployment_id');
    const { runs, hasMore } = await listDeploymentRuns(database, {
      viewer: toViewer(context.get('caller')),
      // The id of no deployment finds no run.
      deploymentId: id === undefined ? null : (fromWireId('depl', id) ?? NIL),
      hasError: context.req.query('has_error') === undefined ? null : readFlag(context, 'has_error'),
      trigger,
      createdAt: readRange(context, 'created_at'),
      before: readPage(context, page)?.before ?? null,
      limit: readLimit(context, LIMIT),
    });
    return context.json({
      data: runs.map(toWireDeploymentRun),
      next_page: hasMore ? toPage({ before: runs.at(-1)!.id }) : null,
    });
  });
  api.get('/v1/deployment_runs/:id', mayRead, async (context) => {
    const viewer = toViewer(context.get('caller'));
    return context.json(
      toWireDeploymentRun(await findDeploymentRun(database, { id: context.req.param('id'), viewer })),
    );
  });
}
