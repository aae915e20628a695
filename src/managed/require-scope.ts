import { createMiddleware } from 'hono/factory';
import { hasScope, type Scope } from '../access/scopes.ts';
import type { ManagedEnv } from './deps.ts';
import { ManagedError } from './error.ts';

/** Rejects callers without one of the scopes. */
export function requireScope(...wanted: readonly Scope[]) {
  return createMiddleware<ManagedEnv>(async (context, next) => {
    const { scopes } = context.get('caller');
    if (!wanted.some((scope) => hasScope(scopes, scope)))
      throw new ManagedError('permission_error', `This needs a key with the scope ${wanted.join(' or ')}.`);
    await next();
  });
}
