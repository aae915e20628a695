import { createRoute, z } from '@hono/zod-openapi';
import { isOperator, toMaxPriority, toTenant, toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError, toMessage } from '../../core/errors.ts';
import { findRun } from '../../run/read/read-runs.ts';
import type { Run } from '../../run/run.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { chooseRuns } from '../choose-runs.ts';
import { checkSubmission } from '../check-submission.ts';
import { retrySelectionSchema, runSchema, skippedRunSchema } from '../contract.ts';
import { submitOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

/** Adds the routes that retry runs by hand, one or many. Each retry is a new run that names the old one. */
export function addRetryRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{id}/retry',
      summary: 'Retry a failed or cancelled run',
      description:
        'Creates a new run with the prompt, user, metadata and requested limits of the old run, under the current rules of its agent. The old run does not change.',
      request: { params: idParams, headers: z.object({ 'idempotency-key': z.string().optional() }) },
      responses: {
        202: json(runSchema, 'The new run; its `retryOf` names the old run.'),
        ...problems(400, 401, 402, 403, 404, 409, 422, 429),
      },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const caller = context.get('caller');
      const run = await findRun(database, { runId: id, viewer: toViewer(caller) });
      if (run === null) throw runNotFound(id);
      const idempotencyKey = context.req.valid('header')['idempotency-key'] ?? null;
      const retry = await retryRun(run, { caller, idempotencyKey });
      return context.json(toRunResource(retry, { caller, basePath }), 202, { location: `/v1/runs/${retry.id}` });
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/retry',
      summary: 'Retry many runs',
      description:
        'Retries the runs in `ids`, or the newest failed runs that match the other fields and were not retried yet. A run that cannot be retried, or was retried already, does not stop the others.',
      request: { body: { required: true, content: { 'application/json': { schema: retrySelectionSchema } } } },
      responses: {
        202: json(
          z.object({ data: z.array(runSchema), skipped: z.array(skippedRunSchema), nextCursor: z.uuid().nullable() }),
          'The new runs, and the skipped runs with the reason.',
        ),
        ...problems(400, 401, 403, 413, 415),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const selection = context.req.valid('json');
      const { runs, nextCursor } = await chooseRuns(deps, {
        viewer: toViewer(caller),
        selection,
        filter: { status: selection.status ?? 'failed', isRetried: false },
      });
      const data = [];
      const skipped = [];
      for (const [id, run] of runs) {
        try {
          if (run === null) throw runNotFound(id);
          const retry = await retryRun(run, { caller, idempotencyKey: null, isOnlyRetry: true });
          data.push(toRunResource(retry, { caller, basePath }));
        } catch (error) {
          if (!(error instanceof LonghaulError)) throw error;
          skipped.push({ id, code: error.code, message: toMessage(error) });
        }
      }
      return context.json({ data, skipped, nextCursor }, 202);
    },
  );

  interface RetryOptions {
    readonly caller: Caller;
    readonly idempotencyKey: string | null;
    readonly isOnlyRetry?: boolean;
  }

  async function retryRun(run: Run, { caller, idempotencyKey, isOnlyRetry = false }: RetryOptions) {
    if (run.status !== 'failed' && run.status !== 'cancelled') {
      throw new LonghaulError('conflict', {
        message: `Run ${run.id} is ${run.status}; only a failed or cancelled run can be retried.`,
      });
    }
    const { agent, prompt, user, team, metadata, requestedLimits } = run;
    // The caller did not choose this priority, so it is reduced to the highest that the caller may use.
    const priority = Math.min(run.priority, toMaxPriority(caller, config.limits) ?? run.priority);
    const owners = { user: user ?? undefined, team: team ?? undefined };
    const submission = checkSubmission({
      body: { agent, prompt, ...owners, metadata, priority, limits: requestedLimits ?? {} },
      // At the end of the same session, where the model sees what the old run had done.
      session: { id: run.sessionId, isFork: false },
      tenant: toTenant(caller) ?? run.tenant,
      agents: config.agents,
      idempotencyKey,
      caller,
      retryOf: run.id,
    });
    // Not counted for an operator, who may retry hundreds of runs after an outage.
    const { run: next } = await submitOnce(deps, {
      submission: { ...submission, agent: { ...submission.agent, whileBusy: 'enqueue' as const }, isOnlyRetry },
      caller,
      isCounted: !isOperator(caller),
    });
    return next;
  }
}
