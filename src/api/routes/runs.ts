import { createRoute, z } from '@hono/zod-openapi';
import { isOperator, toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import { isFinal } from '../../core/states.ts';
import { cancelRun } from '../../run/cancel.ts';
import { readAttempts } from '../../run/read/read-attempts.ts';
import { findRun, listRuns } from '../../run/read/read-runs.ts';
import type { Run } from '../../run/run.ts';
import type { Viewer } from '../../run/viewer.ts';
import { acceptRun } from '../accept-run.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { acceptedRunSchema, runSchema, submissionSchema, type RunResource } from '../contract.ts';
import { id, seconds, wholeNumber } from '../input-fields.ts';
import { runFilterQuery, toRunFilter } from '../run-filter-fields.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

const limit = wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 });

/** Adds the routes that submit, list, read and cancel runs. */
export function addRunRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database, queue, hub } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs',
      summary: 'Submit a run',
      description:
        'Responds at once; a worker executes the run. A repeated request with the same `Idempotency-Key` returns the same run.',
      request: {
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        body: { required: true, content: { 'application/json': { schema: submissionSchema } } },
      },
      responses: {
        202: json(acceptedRunSchema, 'The run is accepted: it survives the crash of any process.'),
        ...problems(400, 401, 402, 403, 404, 409, 413, 415, 422, 429),
      },
    }),
    async (context) => {
      return context.json(await acceptRun(context, deps, context.req.valid('json')), 202);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs',
      summary: 'List runs, newest first',
      request: {
        query: z.strictObject({
          ...runFilterQuery,
          maxText: wholeNumber({ min: 0, max: 100_000 }).optional().openapi({
            description: 'Maximum number of characters of `prompt` and `result` in the answer, for lists.',
          }),
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit,
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(runSchema), nextCursor: z.uuid().nullable() }), 'A page of runs.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, limit, maxText, ...given } = context.req.valid('query');
      const caller = context.get('caller');
      const { runs, hasMore } = await listRuns(database, {
        viewer: toViewer(caller),
        filter: toRunFilter(given, config),
        before: cursor,
        limit,
      });
      const data = runs.map((run) => shorten(toRunResource(run, { caller, basePath }), maxText));
      return context.json({ data, nextCursor: hasMore ? (runs.at(-1)?.id ?? null) : null }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}',
      summary: 'Read a run, or wait until it ends',
      request: {
        params: idParams,
        query: z.strictObject({
          wait: seconds({ min: 0, max: 60 })
            .optional()
            .openapi({ description: 'Seconds to wait for the run to end before responding.' }),
        }),
      },
      responses: { 200: json(runSchema, 'The current state of the run.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const { wait = 0 } = context.req.valid('query');
      const caller = context.get('caller');
      const revoked = context.get('revoked');
      const signal = wait === 0 ? context.req.raw.signal : AbortSignal.any([context.req.raw.signal, revoked]);
      const run = await waitForEnd(id, { viewer: toViewer(caller), waitMs: wait * 1_000, signal });
      if (revoked.aborted)
        throw new LonghaulError('unauthorized', {
          message: 'The credential was revoked or expired during the request.',
        });
      const attempts = isOperator(caller) ? { attempts: await readAttempts(database, id) } : {};
      return context.json(toRunResource(run, { caller, basePath, ...attempts }), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{id}/cancel',
      summary: 'Cancel a run',
      description:
        'A queued run ends at once, a running one within seconds; its cost is kept. A finished run does not change.',
      request: { params: idParams },
      responses: { 202: json(runSchema, 'The current state of the run.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const caller = context.get('caller');
      const by = { actor: keyActor(caller), viewer: toViewer(caller) };
      const run = await cancelRun({ database, queue, rules: config, log: deps.log }, id, by);
      if (run === null) throw runNotFound(id);
      return context.json(toRunResource(run, { caller, basePath }), 202);
    },
  );

  async function findOrThrow(id: string, viewer: Viewer): Promise<Run> {
    const run = await findRun(database, { runId: id, viewer });
    if (run === null) throw runNotFound(id);
    return run;
  }

  interface WaitOptions {
    readonly viewer: Viewer;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }

  async function waitForEnd(id: string, { viewer, waitMs, signal }: WaitOptions): Promise<Run> {
    if (waitMs === 0) return findOrThrow(id, viewer);
    const endAt = performance.now() + waitMs;
    const watch = hub.watchEnd(id);
    try {
      for (;;) {
        const run = await findOrThrow(id, viewer);
        const timeoutMs = endAt - performance.now();
        if (isFinal(run.status) || timeoutMs <= 0 || signal.aborted) return run;
        await watch.next({ timeoutMs, signal });
      }
    } finally {
      watch.close();
    }
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
