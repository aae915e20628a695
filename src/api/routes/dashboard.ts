import type { Context } from 'hono';
import { createDashboard } from '../../dashboard/dashboard.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Api, ApiDeps } from '../api-deps.ts';

/**
 * Adds the routes of the dashboard's files. Returns a handler for requests that match no route of the API: it responds
 * with the dashboard's page at every address below its path, and with null to all other requests.
 */
export function addDashboardRoutes(
  api: Api,
  { config, basePath }: ApiDeps,
): (context: Context) => Promise<Response | null> {
  if (config.dashboard === null) return () => Promise.resolve(null);
  const { path, oidc } = config.dashboard;
  const dashboard = createDashboard({ path, basePath, oidcTitle: oidc?.title ?? null });

  api.get(`${path}/assets/:name`, async (context) => {
    const name = context.req.param('name');
    const response = await dashboard.serveAsset(context.req.raw, name);
    if (response !== null) return response;
    throw new LonghaulError('not_found', { message: `The dashboard has no file ${JSON.stringify(name)}.` });
  });
  return async (context) => (/^\/v1(\/|$)/.test(context.req.path) ? null : dashboard.openPage(context.req.raw));
}
