import { isOperator, toMaxPriority, toTenant, toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError, toMessage } from '../../core/errors.ts';
import { toRunSpan, type StoredTrace } from '../../core/run-trace.ts';
import { toTraceparent } from '../../core/trace-context.ts';
import type { Run } from '../../run/run.ts';
import type { SubmitDeps } from '../api-deps.ts';
import { checkSubmission } from '../check-submission.ts';
import { chooseRuns } from '../choose-runs.ts';
import { retrySelectionSchema, runSchema } from '../contract.ts';
import { queuedRun } from '../openapi/example-runs.ts';
import { route } from '../route.ts';
import { submitOnce } from '../submit-once.ts';
import { toRunResource } from '../to-resource.ts';
import { toLinkOf, toTraceOf } from '../trace-requests.ts';
import { json, problems } from './answers.ts';
import { changedRuns } from './changed-runs.ts';
import { idempotencyHeaders, jsonBody } from './requests.ts';
import { requireRun, runNotFound, runParams } from './run-id.ts';

export const retryRun = route(
  {
    method: 'post',
    path: '/v1/runs/{id}/retry',
    operationId: 'retryRun',
    tag: 'Runs',
    access: 'runs:write',
    example: queuedRun,
    summary: 'Retry a failed or cancelled run',
    description:
      'Creates a new run with the prompt, user, metadata and requested limits of the old run, under the current rules of its agent. The old run does not change.',
    request: { params: runParams, headers: idempotencyHeaders },
    responses: {
      202: json(runSchema, 'The new run; its `retryOf` names the old run.', ['Location']),
      ...problems(400, 401, 402, 403, 404, 409, 422, 429),
    },
  },
  async (context, deps) => {
    const caller = context.get('caller');
    const run = await requireRun(deps.database, { runId: context.req.valid('param').id, viewer: toViewer(caller) });
    const idempotencyKey = context.req.valid('header')['idempotency-key'] ?? null;
    const next = await retry(deps, run, { caller, idempotencyKey, trace: toTraceOf(context) });
    const { basePath } = deps.config.http;
    return context.json(toRunResource(next, { caller, basePath }), 202, { location: `/v1/runs/${next.id}` });
  },
);

export const retryRuns = route(
  {
    method: 'post',
    path: '/v1/runs/retry',
    operationId: 'retryRuns',
    tag: 'Runs',
    access: 'runs:write',
    summary: 'Retry many runs',
    description:
      'Retries the runs in `ids`, or the newest failed runs that match the other fields and were not retried yet. A run that cannot be retried, or was retried already, does not stop the others. A run that failed as `poison_run` is retried only when `ids` or `errorCode` name it.',
    request: { body: jsonBody(retrySelectionSchema) },
    responses: {
      202: changedRuns('The new runs, and the skipped runs with the reason.'),
      ...problems(400, 401, 403, 413, 415),
    },
  },
  async (context, deps) => {
    const caller = context.get('caller');
    const selection = context.req.valid('json');
    // A run that took two workers down is retried on purpose only, not among the failed runs of an outage.
    const isNamed = selection.ids !== undefined || selection.errorCode === 'poison_run';
    const { runs, nextCursor } = await chooseRuns(deps, {
      caller,
      selection,
      filter: { status: selection.status ?? 'failed', isRetried: false },
    });
    const data = [];
    const skipped = [];
    for (const [id, run] of runs) {
      try {
        if (run === null) throw runNotFound(id);
        if (!isNamed && run.error?.code === 'poison_run') throw poisonous(run);
        const next = await retry(deps, run, {
          caller,
          idempotencyKey: null,
          trace: toLinkOf(context),
          isOnlyRetry: true,
        });
        data.push(toRunResource(next, { caller, basePath: deps.config.http.basePath }));
      } catch (error) {
        if (!(error instanceof LonghaulError)) throw error;
        skipped.push({ id, code: error.code, message: toMessage(error) });
      }
    }
    return context.json({ data, skipped, nextCursor }, 202);
  },
);

function poisonous({ id }: Run): LonghaulError {
  return new LonghaulError('conflict', {
    message: `Run ${id} took two workers down. Find the cause first, then retry it by its id, or select errorCode poison_run.`,
  });
}

interface RetryOptions {
  readonly caller: Caller;
  readonly idempotencyKey: string | null;
  /** The trace of the request. The new run links to the old one as well. */
  readonly trace: StoredTrace | null;
  /** True to reject a run that was retried already. Defaults to false. */
  readonly isOnlyRetry?: boolean;
}

async function retry(
  deps: SubmitDeps,
  run: Run,
  { caller, idempotencyKey, trace, isOnlyRetry = false }: RetryOptions,
): Promise<Run> {
  const { config } = deps;
  if (run.status !== 'failed' && run.status !== 'cancelled') {
    throw new LonghaulError('conflict', {
      message: `Run ${run.id} is ${run.status}; only a failed or cancelled run can be retried.`,
    });
  }
  const { agent, prompt, parts, user, team, metadata, requestedLimits } = run;
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
    submission: {
      ...submission,
      parts,
      agent: { ...submission.agent, whileBusy: 'enqueue' as const },
      isOnlyRetry,
      trace: withLink(trace, run),
    },
    caller,
    isCounted: !isOperator(caller),
  });
  return next;
}

/** Links the trace of a retry to the run that it retries, when either is traced. */
function withLink(trace: StoredTrace | null, retried: Run): StoredTrace | null {
  if (trace === null && retried.trace === null) return null;
  return { ...trace, links: [...(trace?.links ?? []), toTraceparent(toRunSpan(retried).context)] };
}
