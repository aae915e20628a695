import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import { v7 } from 'uuid';
import { cancelUnsent } from '../stream/cancel-unsent.ts';
import { addAgentRoutes } from './agents/agent-routes.ts';
import { addDeploymentRoutes } from './deployments/deployment-routes.ts';
import { addDeploymentRunRoutes } from './deployments/deployment-run-routes.ts';
import type { ManagedDeps, ManagedEnv } from './deps.ts';
import { addEnvironmentRoutes } from './environments/environment-routes.ts';
import { answerError, ManagedError } from './error.ts';
import { addEventRoutes } from './routes/event-routes.ts';
import { addFileRoutes } from './routes/file-routes.ts';
import { toWireId } from './ids.ts';
import { addModelRoutes } from './models/model-routes.ts';
import { limitBody } from './read-request.ts';
import { addRefusedRoutes } from './refused-routes.ts';
import { answerOnce } from './repeated-requests.ts';
import { addSessionRoutes, addThreadRoutes } from './routes/session-routes.ts';

/** The path at which clients of Claude Managed Agents find Longhaul: `new Anthropic({ baseURL: 'http://host:4400/anthropic' })`. */
export const MANAGED_PATH = '/anthropic';

type Fetch = (request: Request, bindings?: object) => Response | Promise<Response>;

/**
 * Creates the routes that the official Anthropic client calls for Claude Managed Agents. Errors, ids and pages have the
 * form that the client knows.
 */
export function createManagedApi(deps: ManagedDeps): Fetch {
  const api = new Hono<ManagedEnv>();
  api.onError((error, context) => answerError(error, context, deps.log));
  api.use(cancelUnsent);
  api.use(nameRequest);
  if (deps.config.managedAgents === null) api.use(refuse);
  api.use('/v1/*', authenticate(deps));
  api.use('/v1/*', limitBody, answerOnce(deps));
  addAgentRoutes(api, deps);
  addEnvironmentRoutes(api, deps);
  addSessionRoutes(api, deps);
  addThreadRoutes(api, deps);
  addEventRoutes(api, deps);
  addDeploymentRoutes(api, deps);
  addDeploymentRunRoutes(api, deps);
  addModelRoutes(api, deps);
  addFileRoutes(api, deps);
  addRefusedRoutes(api);
  // The signal of a copied request follows the original only while that is referenced: it is as long as the answer.
  return (original) => api.fetch(withoutPrefix(original), { original });
}

/** Returns whether a request is for `createManagedApi`: by its path, or because every Anthropic client sends its version. */
export function isManagedRequest(request: Request): boolean {
  const { pathname } = new URL(request.url);
  return isBelow(pathname) || (pathname.startsWith('/v1/') && request.headers.has('anthropic-version'));
}

function isBelow(pathname: string): boolean {
  return pathname === MANAGED_PATH || pathname.startsWith(`${MANAGED_PATH}/`);
}

function withoutPrefix(request: Request): Request {
  const url = new URL(request.url);
  if (!isBelow(url.pathname)) return request;
  url.pathname = url.pathname.slice(MANAGED_PATH.length) || '/';
  return new Request(url, request);
}

const nameRequest = createMiddleware<ManagedEnv>(async (context, next) => {
  context.set('requestId', toWireId('req', v7()));
  await next();
  context.header('request-id', context.get('requestId'));
});

const refuse = createMiddleware<ManagedEnv>(() => {
  throw new ManagedError(
    'not_found_error',
    "This Longhaul does not serve Anthropic's client: name the template of its agents as `managedAgents` in the configuration.",
  );
});

/** Sets the caller, by `Authorization: Bearer` or `x-api-key`. */
function authenticate({ access }: ManagedDeps) {
  return createMiddleware<ManagedEnv>(async (context, next) => {
    const [, bearer] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    const credential = bearer ?? context.req.header('x-api-key');
    if (credential === undefined || credential === '') {
      throw new ManagedError(
        'authentication_error',
        "Send an API key of Longhaul (lh_…) as the client's apiKey: in `Authorization: Bearer` or `x-api-key`.",
      );
    }
    const identity = await access.identify(credential);
    context.set('identity', identity);
    context.set('caller', identity.caller);
    await next();
  });
}
