import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { LonghaulError } from '../core/errors.ts';
import { createWriteProbe } from '../db/write-probe.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { cancelUnsent } from '../stream/cancel-unsent.ts';
import { answerError } from './answer-error.ts';
import type { Api, ApiDeps, RouteDeps } from './api-deps.ts';
import { authenticate, type ApiEnv } from './authenticate.ts';
import { allowOrigins } from './cors.ts';
import { MAX_BODY_BYTES } from './declaration.ts';
import { createRouteFinder, inMatchingOrder } from './find-route.ts';
import { createOpenStreams } from './open-streams.ts';
import { answerProblem, toProblem } from './problem.ts';
import { refuseEncoded } from './refuse-encoded.ts';
import { refuseOtherMethods } from './refuse-other-methods.ts';
import { reportAnswers } from './report-answers.ts';
import { ROUTES } from './routes.ts';
import { addDashboardRoutes } from './routes/dashboard.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addOidcRoutes } from './routes/oidc.ts';
import { getMetrics } from './routes/metrics.ts';
import { securityHeaders } from './security-headers.ts';
import { traceRequests } from './trace-requests.ts';

/** Creates the HTTP API, v1, as one `fetch` handler. */
export function createApi(deps: ApiDeps): Api {
  const { access, config, log } = deps;
  const api: Api = new OpenAPIHono<ApiEnv>();

  api.onError((error, context) => answerError({ error, context, log }));
  // Before the others, which set headers afterwards: a response whose body was cancelled cannot be copied for that.
  api.use(cancelUnsent);
  api.use(reportAnswers);
  api.use(securityHeaders);
  // Before authentication: the preflight request of a browser has no key.
  if (config.http.corsOrigins.length > 0) api.use(allowOrigins(config.http.corsOrigins));

  const routeDeps = toRouteDeps(deps);
  const routes = inMatchingOrder(ROUTES);
  for (const route of routes.filter(isOpen)) {
    api.on(route.method, route.pattern, limitBody(route.maxBodyBytes));
    route.addTo(api, routeDeps);
  }
  const guards = [
    authenticate(access, createRouteFinder(ROUTES)),
    traceRequests,
    refuseEncoded,
    limitBodyOfRoute,
  ] as const;
  for (const path of ['/v1/*', getMetrics.pattern]) api.use(path, ...guards);
  for (const route of routes.filter((route) => !isOpen(route))) route.addTo(api, routeDeps);

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

function toRouteDeps(deps: ApiDeps): RouteDeps {
  const { config, database, queue, log } = deps;
  return {
    ...deps,
    acceptRuns: createAcceptRuns({ database, queue, rules: config, log }),
    streams: createOpenStreams(),
    probeWrites: createWriteProbe(database),
  };
}

/** Returns whether a route needs no credential. Hono calls it without the middleware that authenticates. */
function isOpen({ access }: { readonly access: string }): boolean {
  return access === 'everyone';
}

const limitBodyOfRoute = createMiddleware<ApiEnv>((context, next) =>
  limitBody(context.get('route')?.maxBodyBytes ?? MAX_BODY_BYTES)(context, next),
);

function limitBody(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new LonghaulError('body_too_large', { message: `The body is larger than ${maxSize} bytes.` });
    },
  });
}
