import { createRoute, z } from '@hono/zod-openapi';
import { isOperator, toMaxPriority, toTenant, toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError, toMessage } from '../../core/errors.ts';
import { findRun } from '../../run/read-runs.ts';
import type { Run } from '../../run/run.ts';
import type { Api, SubmitDeps } from '../api-deps.ts';
import { chooseRuns } from '../choose-runs.ts';
import { checkSubmission } from '../check-submission.ts';
import { retrySelectionSchema, runSchema, skippedRunSchema } from '../contract.ts';
import { submitOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

/** Trying runs again by hand, one or many. Each is a new run that names the old one. */
export function addRetryRoutes(api: Api, deps: SubmitDeps): void {
  const { config, database } = deps;
  const { basePath } = config.http;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{id}/retry',
      summary: 'Try a run again that has failed or was cancelled',
      description:
        "Makes a new run with the old one's prompt, user, metadata and requested limits, under the rules its agent has now. The old one stays as it is.",
      request: { params: idParams, headers: z.object({ 'idempotency-key': z.string().optional() }) },
      responses: {
        202: json(runSchema, 'The new run; its `retryOf` names the old one.'),
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
      summary: 'Try many runs again',
      description:
        'Those named by `ids`, or the newest that have failed and were not tried again yet, of those that the other fields choose. One that cannot be tried again, or is already, does not keep the others back.',
      request: { body: { required: true, content: { 'application/json': { schema: retrySelectionSchema } } } },
      responses: {
        202: json(
          z.object({ data: z.array(runSchema), skipped: z.array(skippedRunSchema), nextCursor: z.uuid().nullable() }),
          'The new runs, and what was left out and why.',
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
        message: `Run ${run.id} is ${run.status}; only one that has failed or was cancelled can be tried again.`,
      });
    }
    const { agent, prompt, user, team, metadata, requestedLimits } = run;
    // It is not the caller who has named it: no more than it may name is taken over.
    const priority = Math.min(run.priority, toMaxPriority(caller, config.limits) ?? run.priority);
    const owners = { user: user ?? undefined, team: team ?? undefined };
    const submission = checkSubmission({
      body: { agent, prompt, ...owners, metadata, priority, limits: requestedLimits ?? {} },
      // In its own conversation, at the end: what it had done by then is known there.
      session: { id: run.sessionId, isFork: false },
      tenant: toTenant(caller) ?? run.tenant,
      agents: config.agents,
      idempotencyKey,
      caller,
      retryOf: run.id,
    });
    // An operator tries hundreds again after a bad night.
    const { run: next } = await submitOnce(deps, {
      submission: { ...submission, agent: { ...submission.agent, whileBusy: 'enqueue' as const }, isOnlyRetry },
      caller,
      isCounted: !isOperator(caller),
    });
    return next;
  }
}
