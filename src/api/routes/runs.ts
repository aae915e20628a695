import { z } from '@hono/zod-openapi';
import { isOperator, toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import { isFinal } from '../../core/states.ts';
import { cancelRun as cancel } from '../../run/cancel.ts';
import { readAttempts } from '../../run/read/read-attempts.ts';
import { listRuns as readRuns } from '../../run/read/read-runs.ts';
import type { Run } from '../../run/run.ts';
import type { Viewer } from '../../run/viewer.ts';
import { answerSubmission } from '../answer-submission.ts';
import type { ApiDeps } from '../api-deps.ts';
import { acceptedRunSchema, runSchema, submissionSchema, type RunResource } from '../contract.ts';
import { seconds, wholeNumber } from '../input-fields.ts';
import { cancelledRun } from '../openapi/examples.ts';
import { COUNTED_HEADERS } from '../openapi/headers.ts';
import { runFilterQuery, toRunFilter } from '../run-filter-fields.ts';
import { MAX_BODY_BYTES } from '../declaration.ts';
import { route } from '../route.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idempotencyHeaders, jsonBody } from './requests.ts';
import { requireRun, runNotFound, runParams } from './run-id.ts';

export const submitRun = route(
  {
    method: 'post',
    path: '/v1/runs',
    operationId: 'submitRun',
    tag: 'Runs',
    access: 'runs:write',
    maxBodyBytes: 16 * MAX_BODY_BYTES,
    summary: 'Submit a run',
    description:
      'Responds at once; a worker executes the run. A repeated request with the same `Idempotency-Key` returns the same run.',
    request: { headers: idempotencyHeaders, body: jsonBody(submissionSchema) },
    responses: {
      202: json(acceptedRunSchema, 'The run is accepted: it survives the crash of any process.', [
        'Location',
        ...COUNTED_HEADERS,
      ]),
      ...problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429),
    },
  },
  async (context, deps) => context.json(await answerSubmission(context, deps, context.req.valid('json')), 202),
);

export const listRuns = route(
  {
    method: 'get',
    path: '/v1/runs',
    operationId: 'listRuns',
    tag: 'Runs',
    access: 'runs:read',
    summary: 'List runs, newest first',
    request: {
      query: z.strictObject({
        ...runFilterQuery,
        maxText: wholeNumber({ min: 0, max: 100_000 }).optional().openapi({
          description: 'Maximum number of characters of `prompt` and `result` in the answer, for lists.',
        }),
        ...pageQuery,
      }),
    },
    responses: { 200: pageOf(runSchema, 'A page of runs.'), ...problems(400, 401, 403) },
  },
  async (context, { config, database }) => {
    const { cursor, limit, maxText, ...given } = context.req.valid('query');
    const caller = context.get('caller');
    const { runs, hasMore } = await readRuns(database, {
      viewer: toViewer(caller),
      filter: toRunFilter(given, config),
      before: cursor,
      limit,
    });
    const { basePath } = config.http;
    const data = runs.map((run) => shorten(toRunResource(run, { caller, basePath }), maxText));
    return context.json({ data, nextCursor: toNextCursor(runs, hasMore) }, 200);
  },
);

export const getRun = route(
  {
    method: 'get',
    path: '/v1/runs/{id}',
    operationId: 'getRun',
    tag: 'Runs',
    access: 'runs:read',
    summary: 'Read a run, or wait until it ends',
    request: {
      params: runParams,
      query: z.strictObject({
        wait: seconds({ min: 0, max: 60 })
          .optional()
          .openapi({ description: 'Seconds to wait for the run to end before responding.' }),
      }),
    },
    responses: { 200: json(runSchema, 'The current state of the run.'), ...problems(400, 401, 403, 404) },
  },
  async (context, deps) => {
    const { id } = context.req.valid('param');
    const { wait = 0 } = context.req.valid('query');
    const caller = context.get('caller');
    const revoked = context.get('revoked');
    const signal = wait === 0 ? context.req.raw.signal : AbortSignal.any([context.req.raw.signal, revoked]);
    const run = await waitForEnd(deps, { runId: id, viewer: toViewer(caller), waitMs: wait * 1_000, signal });
    if (revoked.aborted) {
      throw new LonghaulError('unauthorized', {
        message: 'The credential was revoked or expired during the request.',
      });
    }
    const attempts = isOperator(caller) ? { attempts: await readAttempts(deps.database, id) } : {};
    return context.json(toRunResource(run, { caller, basePath: deps.config.http.basePath, ...attempts }), 200);
  },
);

export const cancelRun = route(
  {
    method: 'post',
    path: '/v1/runs/{id}/cancel',
    operationId: 'cancelRun',
    tag: 'Runs',
    access: 'runs:write',
    example: cancelledRun,
    summary: 'Cancel a run',
    description:
      'A queued run ends at once, a running one within seconds; its cost is kept. A finished run does not change.',
    request: { params: runParams },
    responses: {
      202: json(runSchema, 'The current state of the run.'),
      ...problems(400, 401, 403, 404),
    },
  },
  async (context, { config, database, queue, log }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const by = { actor: keyActor(caller), viewer: toViewer(caller) };
    const run = await cancel({ database, queue, rules: config, log }, id, by);
    if (run === null) throw runNotFound(id);
    return context.json(toRunResource(run, { caller, basePath: config.http.basePath }), 202);
  },
);

interface WaitOptions {
  readonly runId: string;
  readonly viewer: Viewer;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Reads a run when it has ended, the time is up or the signal aborts. */
async function waitForEnd({ database, hub }: ApiDeps, { runId, viewer, waitMs, signal }: WaitOptions): Promise<Run> {
  if (waitMs === 0) return requireRun(database, { runId, viewer });
  const endAt = performance.now() + waitMs;
  const watch = hub.watchEnd(runId);
  try {
    for (;;) {
      const run = await requireRun(database, { runId, viewer });
      const timeoutMs = endAt - performance.now();
      if (isFinal(run.status) || timeoutMs <= 0 || signal.aborted) return run;
      await watch.next({ timeoutMs, signal });
    }
  } finally {
    watch.close();
  }
}

/** The first code points: none of them is cut in half. */
function toCharacters(text: string, count: number): string {
  return Array.from(text.slice(0, count * 2))
    .slice(0, count)
    .join('');
}

/** Leaves out what a list has no room for: of texts what is beyond the limit, and the structured output. */
function shorten(run: RunResource, maxText: number | undefined): RunResource {
  if (maxText === undefined) return run;
  const cut = (text: string) => (text.length <= maxText ? text : toCharacters(text, maxText));
  return {
    ...run,
    prompt: cut(run.prompt),
    result: run.result === null ? null : cut(run.result),
    structuredOutput: null,
  };
}
