import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError, toMessage } from '../../core/errors.ts';
import { isFinal, UNFINISHED_STATUSES } from '../../core/states.ts';
import { cancelRun } from '../../run/cancel.ts';
import { countRuns as count } from '../../run/read/read-runs.ts';
import { chooseRuns } from '../choose-runs.ts';
import { cancelSelectionSchema, runCountSchema } from '../contract.ts';
import { runFilterQuery, toRunFilter } from '../run-filter-fields.ts';
import { route } from '../route.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { changedRuns } from './changed-runs.ts';
import { jsonBody } from './requests.ts';
import { runNotFound } from './run-id.ts';

const COUNTED = 10_000;

export const countRuns = route(
  {
    method: 'get',
    path: '/v1/runs/count',
    operationId: 'countRuns',
    tag: 'Runs',
    access: 'runs:read',
    summary: 'Count runs',
    description: 'Counts the runs that `GET /v1/runs` lists with the same parameters, up to 10,000.',
    request: { query: z.strictObject(runFilterQuery) },
    responses: { 200: json(runCountSchema, 'The number of runs.'), ...problems(400, 401, 403) },
  },
  async (context, { config, database }) => {
    const filter = toRunFilter(context.req.valid('query'), config);
    const viewer = toViewer(context.get('caller'));
    const counted = await count(database, { viewer, filter, upTo: COUNTED + 1 });
    return context.json({ count: Math.min(counted, COUNTED), isMore: counted > COUNTED }, 200);
  },
);

export const cancelRuns = route(
  {
    method: 'post',
    path: '/v1/runs/cancel',
    operationId: 'cancelRuns',
    tag: 'Runs',
    access: 'runs:write',
    summary: 'Cancel many runs',
    description:
      'Cancels the runs named by `ids`, or one page of the unfinished runs that match the other fields. A run that cannot be cancelled is skipped; the others are still cancelled.',
    request: { body: jsonBody(cancelSelectionSchema) },
    responses: {
      202: changedRuns('The runs in their current state, and the skipped runs with the reason for each.'),
      ...problems(400, 401, 403, 413, 415),
    },
  },
  async (context, { config, database, queue, log }) => {
    const caller = context.get('caller');
    const viewer = toViewer(caller);
    const selection = context.req.valid('json');
    const { runs, nextCursor } = await chooseRuns(
      { config, database },
      {
        caller,
        selection,
        filter: { status: selection.status ?? UNFINISHED_STATUSES, isCancelRequested: false },
      },
    );
    const data = [];
    const skipped = [];
    for (const [id, found] of runs) {
      try {
        if (found === null) throw runNotFound(id);
        if (isFinal(found.status)) {
          throw new LonghaulError('conflict', { message: `Run ${id} has ended: it is ${found.status}.` });
        }
        const run = await cancelRun({ database, queue, rules: config, log }, id, {
          actor: keyActor(caller),
          viewer,
        });
        if (run === null) throw runNotFound(id);
        data.push(toRunResource(run, { caller, basePath: config.http.basePath }));
      } catch (error) {
        if (!(error instanceof LonghaulError)) throw error;
        skipped.push({ id, code: error.code, message: toMessage(error) });
      }
    }
    return context.json({ data, skipped, nextCursor }, 202);
  },
);
