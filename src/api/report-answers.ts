import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { report } from '../core/process-events.ts';
import type { ApiEnv } from './authenticate.ts';

/** Reports how each request was answered, and how long it took until the response began. */
export const reportAnswers = createMiddleware<ApiEnv>(async (context, next) => {
  const startedAt = performance.now();
  await next();
  const matched = matchedRoutes(context).find(({ method }) => method !== 'ALL');
  report('http.answered', {
    method: context.req.method,
    route: matched === undefined ? null : matched.path.replaceAll(/:(\w+)/g, '{$1}'),
    status: context.res.status,
    durationMs: performance.now() - startedAt,
  });
});
