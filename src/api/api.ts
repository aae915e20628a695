import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { createInTurn } from '../core/in-turn.ts';
import { LonghaulError } from '../core/errors.ts';
import { createSubmitter } from '../run/submit-together.ts';
import { answerError } from './answer-error.ts';
import type { Api, ApiDeps } from './api-deps.ts';
import { authenticate, type ApiEnv } from './authenticate.ts';
import { allowOrigins } from './cors.ts';
import { answerProblem, toProblem } from './problem.ts';
import { createRateLimits } from './rate-limits.ts';
import { refuseEncoded } from './refuse-encoded.ts';
import { refuseInvalid } from './refuse-invalid.ts';
import { refuseOtherMethods } from './refuse-other-methods.ts';
import { securityHeaders } from './security-headers.ts';
import { addAlertRoutes } from './routes/alerts.ts';
import { addApprovalRoutes } from './routes/approvals.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addBatchRoutes } from './routes/batch.ts';
import { addBulkRoutes } from './routes/bulk.ts';
import { addBudgetRoutes } from './routes/budgets.ts';
import { addCostRoutes } from './routes/costs.ts';
import { addDashboardRoutes } from './routes/dashboard.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addEventRoutes } from './routes/events.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addOidcRoutes } from './routes/oidc.ts';
import { addOperationRoutes } from './routes/operations.ts';
import { addRetryRoutes } from './routes/retries.ts';
import { addRunExportRoute } from './routes/run-export.ts';
import { addRunRoutes } from './routes/runs.ts';
import { addScheduleRoutes } from './routes/schedules.ts';
import { addServerHealthRoute } from './routes/server-health.ts';
import { addSessionRoutes } from './routes/sessions.ts';
import { addSignedInRoutes, addSignInRoute } from './routes/sign-in.ts';
import { addStatsRoute } from './routes/stats.ts';
import { addTokenRoutes } from './routes/tokens.ts';
import { addWebhookRoutes } from './routes/webhooks.ts';

/** Maximum size of a request body: far above any allowed prompt, and harmless to memory. */
const MAX_BODY_BYTES = 1_048_576;

/** Maximum size of a batch: a thousand submissions of 16 KiB. */
const MAX_BATCH_BYTES = 16 * MAX_BODY_BYTES;

/** Creates the HTTP API, v1, as one `fetch` handler. */
export function createApi(deps: ApiDeps): Api {
  const { access, database, log } = deps;
  const api: Api = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => refuseInvalid(result),
  });

  api.onError((error, context) => answerError({ error, context, log }));

  api.use(securityHeaders);
  // Before authentication: the preflight request of a browser has no key.
  const { corsOrigins } = deps.config.http;
  if (corsOrigins.length > 0) api.use(allowOrigins(corsOrigins));
  addSignInRoute(api, deps);
  const [limitOne, limitBatch] = [limitBody(MAX_BODY_BYTES), limitBody(MAX_BATCH_BYTES)];
  api.use('/v1/*', authenticate(access), refuseEncoded(api), (context, next) =>
    context.req.path === '/v1/runs/batch' ? limitBatch(context, next) : limitOne(context, next),
  );

  addHealthRoutes(api, deps);
  addServerHealthRoute(api, deps);
  const rateLimits = createRateLimits({ database, limits: deps.config.limits });
  const submitRuns = createSubmitter({ database, queue: deps.queue, rules: deps.config });
  const submitDeps = { ...deps, rateLimits, inTurn: createInTurn(), submitRuns };
  addBatchRoutes(api, submitDeps);
  addSessionRoutes(api, submitDeps);
  addScheduleRoutes(api, submitDeps);
  addRetryRoutes(api, submitDeps);
  addBulkRoutes(api, deps);
  addRunExportRoute(api, deps);
  addRunRoutes(api, submitDeps);
  addEventRoutes(api, deps);
  addApprovalRoutes(api, deps);
  addOperationRoutes(api, deps);
  addBudgetRoutes(api, deps);
  addAlertRoutes(api, deps);
  addCostRoutes(api, deps);
  addStatsRoute(api, deps);
  addAuditRoutes(api, deps);
  addKeyRoutes(api, deps);
  addTokenRoutes(api, deps);
  addSignedInRoutes(api, deps);
  addWebhookRoutes(api, deps);

  addOidcRoutes(api, deps);
  addDocsRoutes(api, deps);
  const openDashboard = addDashboardRoutes(api, deps);
  refuseOtherMethods(api);
  api.notFound(
    async (context) =>
      (await openDashboard(context)) ??
      answerProblem(
        context,
        toProblem('not_found', { detail: `There is nothing at ${context.req.method} ${context.req.path}.` }),
      ),
  );
  return api;
}

function limitBody(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new LonghaulError('body_too_large', { message: `The body is larger than ${maxSize} bytes.` });
    },
  });
}
