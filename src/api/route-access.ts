import { hasScope, type Scope } from '../access/scopes.ts';
import { isBound, isOperator, type Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';

/**
 * The callers that may use a route. A scope: callers with the scope, each for the runs it may see. `everyone`: every caller, also without a key. `anyone`: every key
 * and token. `application`: callers with `runs:read` that are not bound to a user or a team, because the route covers
 * all runs. `own`: operators for everything, and callers bound to a user or a team, with `runs:read`, for their own
 * part.
 */
type RouteAccess = Scope | 'everyone' | 'anyone' | 'application' | 'own';

/** The access to each route. A route that is not listed is for operators. */
export const ROUTE_ACCESS: Readonly<Record<string, RouteAccess>> = {
  'POST /v1/runs': 'runs:write',
  'POST /v1/runs/batch': 'runs:write',
  'GET /v1/runs': 'runs:read',
  'GET /v1/runs/count': 'runs:read',
  'GET /v1/runs/export': 'runs:read',
  'GET /v1/runs/:id': 'runs:read',
  'GET /v1/runs/:id/events': 'runs:read',
  'POST /v1/runs/:id/cancel': 'runs:write',
  'POST /v1/runs/:id/retry': 'runs:write',
  'POST /v1/runs/retry': 'runs:write',
  'POST /v1/runs/cancel': 'runs:write',
  'POST /v1/runs/:id/messages': 'runs:write',
  'GET /v1/sessions': 'runs:read',
  'GET /v1/sessions/:id': 'runs:read',
  'GET /v1/stream': 'runs:read',

  'GET /v1/approvals': 'approvals',
  'GET /v1/approvals/:id': 'approvals',
  'POST /v1/approvals/:id': 'approvals',

  'POST /v1/sign-in': 'everyone',
  'GET /v1/sign-in': 'anyone',
  'DELETE /v1/sign-in': 'anyone',
  'POST /v1/sign-in/code': 'anyone',

  'POST /v1/tokens': 'anyone',
  'POST /v1/keys': 'admin',
  'GET /v1/keys': 'admin',
  'DELETE /v1/keys/:id': 'admin',

  'GET /v1/health/agent': 'anyone',
  'GET /v1/health/server': 'admin',
  'POST /v1/schedules': 'runs:write',
  'GET /v1/schedules': 'runs:read',
  'GET /v1/schedules/:id': 'runs:read',
  'PATCH /v1/schedules/:id': 'runs:write',
  'DELETE /v1/schedules/:id': 'runs:write',
  'POST /v1/schedules/:id/pause': 'runs:write',
  'POST /v1/schedules/:id/resume': 'runs:write',
  'POST /v1/schedules/:id/trigger': 'runs:write',

  'POST /v1/webhooks': 'runs:write',
  'GET /v1/webhooks': 'runs:read',
  'GET /v1/webhooks/secret': 'runs:read',
  'POST /v1/webhooks/secret/rotate': 'runs:write',
  'GET /v1/webhooks/:id': 'runs:read',
  'DELETE /v1/webhooks/:id': 'runs:write',
  'POST /v1/webhooks/:id/test': 'runs:write',
  'POST /v1/webhooks/:id/rotate': 'runs:write',
  'GET /v1/webhooks/:id/deliveries': 'runs:read',
  'GET /v1/runs/:id/deliveries': 'runs:read',
  'POST /v1/webhooks/deliveries/:id/redeliver': 'runs:write',

  'GET /v1/agents': 'anyone',
  'GET /v1/queues': 'application',
  'POST /v1/queues/:name/pause': 'admin',
  'POST /v1/queues/:name/resume': 'admin',
  'GET /v1/workers': 'admin',
  'POST /v1/workers/:id/drain': 'admin',

  'GET /v1/stats': 'runs:read',
  'GET /v1/costs': 'own',
  'GET /v1/budgets': 'own',
  'PUT /v1/budgets': 'admin',
  'GET /v1/alerts': 'admin',
  'POST /v1/alerts/:id/acknowledge': 'admin',
  'GET /v1/audit': 'admin',
  'GET /v1/audit/verify': 'admin',
};

/**
 * Checks that a caller may use a route. Null means no route, so there is nothing to check.
 * @throws {LonghaulError} `forbidden`, naming the missing scope.
 */
export function requireAccess(caller: Caller, route: string | null): void {
  if (route === null || isOperator(caller)) return;
  const wanted = (Object.hasOwn(ROUTE_ACCESS, route) && ROUTE_ACCESS[route]) || 'admin';
  if (wanted === 'anyone' || wanted === 'everyone') return;
  const what = caller.kind === 'key' ? 'API key' : 'token';
  if (wanted === 'application' && isBound(caller)) {
    throw refuse(`This request covers all runs, and the ${what} is bound to one user or team.`);
  }
  if (wanted === 'own' && !isBound(caller)) {
    throw refuse(`This ${what} lacks the scope admin: the costs of all runs are for operators.`);
  }
  const scope = wanted === 'application' || wanted === 'own' ? 'runs:read' : wanted;
  if (hasScope(caller.scopes, scope)) return;
  throw refuse(`This ${what} lacks the scope ${scope}; it has ${caller.scopes.join(', ') || 'none'}.`);
}

function refuse(message: string): LonghaulError {
  return new LonghaulError('forbidden', { message });
}

/** Converts a route from the form of OpenAPI (`get`, `/v1/runs/{id}`) to the form of `ROUTE_ACCESS`. */
export function toRoute(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
}
