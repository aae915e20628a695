import { hasScope, type Scope } from '../access/scopes.ts';
import { isBound, isOperator, type Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';

/**
 * The callers that may use a route. A scope: callers with the scope, each for the runs it may see. `everyone`: every caller, also without a key. `anyone`: every key
 * and token. `application`: callers with `runs:read` that are not bound to a user or a team, because the route covers
 * all runs. `own`: operators for everything, and callers bound to a user or a team, with `runs:read`, for their own
 * part.
 */
export type RouteAccess = Scope | 'everyone' | 'anyone' | 'application' | 'own';

/**
 * Checks that a caller may use a route with this access.
 * @throws {LonghaulError} `forbidden`, naming the missing scope.
 */
export function requireAccess(caller: Caller, wanted: RouteAccess): void {
  if (isOperator(caller)) return;
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
