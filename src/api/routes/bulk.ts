import { createRoute, z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError, toMessage } from '../../core/errors.ts';
import { isFinal, UNFINISHED_STATUSES } from '../../core/states.ts';
import { cancelRun } from '../../run/cancel.ts';
import { countRuns } from '../../run/read/read-runs.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { chooseRuns } from '../choose-runs.ts';
import { cancelSelectionSchema, runCountSchema, runSchema, skippedRunSchema } from '../contract.ts';
import { runFilterQuery, toRunFilter } from '../run-filter-fields.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { runNotFound } from './run-id.ts';

const COUNTED = 10_000;

/** Adds the routes that count and cancel many runs. Call it before the routes that take an id in the same place. */
export function addBulkRoutes(api: Api, deps: ApiDeps): void {
  const { config, database, queue } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/count',
      summary: 'Count runs',
      description: 'Counts the runs that `GET /v1/runs` lists with the same parameters, up to 10,000.',
      request: { query: z.strictObject(runFilterQuery) },
      responses: { 200: json(runCountSchema, 'The number of runs.'), ...problems(400, 401, 403) },
    }),
    async (context) => {
      const filter = toRunFilter(context.req.valid('query'), config);
      const counted = await countRuns(database, {
        viewer: toViewer(context.get('caller')),
        filter,
        upTo: COUNTED + 1,
      });
      return context.json({ count: Math.min(counted, COUNTED), isMore: counted > COUNTED }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/cancel',
      summary: 'Cancel many runs',
      description:
        'Cancels the runs named by `ids`, or one page of the unfinished runs that match the other fields. A run that cannot be cancelled is skipped; the others are still cancelled.',
      request: { body: { required: true, content: { 'application/json': { schema: cancelSelectionSchema } } } },
      responses: {
        202: json(
          z.object({ data: z.array(runSchema), skipped: z.array(skippedRunSchema), nextCursor: z.uuid().nullable() }),
          'The runs in their current state, and the skipped runs with the reason for each.',
        ),
        ...problems(400, 401, 403, 413, 415),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const viewer = toViewer(caller);
      const selection = context.req.valid('json');
      const { runs, nextCursor } = await chooseRuns(deps, {
        viewer,
        selection,
        filter: { status: selection.status ?? UNFINISHED_STATUSES, isCancelRequested: false },
      });
      const data = [];
      const skipped = [];
      for (const [id, found] of runs) {
        try {
          if (found === null) throw runNotFound(id);
          if (isFinal(found.status)) {
            throw new LonghaulError('conflict', { message: `Run ${id} has ended: it is ${found.status}.` });
          }
          const run = await cancelRun({ database, queue, rules: config, log: deps.log }, id, {
            actor: keyActor(caller),
            viewer,
          });
          if (run === null) throw runNotFound(id);
          data.push(toRunResource(run, { caller, basePath }));
        } catch (error) {
          if (!(error instanceof LonghaulError)) throw error;
          skipped.push({ id, code: error.code, message: toMessage(error) });
        }
      }
      return context.json({ data, skipped, nextCursor }, 202);
    },
  );
}
