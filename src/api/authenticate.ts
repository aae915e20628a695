import { createMiddleware } from 'hono/factory';
import { LonghaulError } from '../core/errors.ts';
import type { Caller } from './keys.ts';

/** What the routes know of the request beside the request itself. */
export interface ApiEnv {
  Variables: { caller: Caller };
}

/** Lets only callers with a key that works through, and says who they are. */
export function authenticate(findCaller: (key: string) => Promise<Caller | null>) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    if (key === undefined) {
      throw new LonghaulError('unauthorized', { message: 'Send an API key as "Authorization: Bearer KEY".' });
    }
    const caller = await findCaller(key);
    if (caller === null) {
      throw new LonghaulError('unauthorized', { message: 'The API key is not known, or was revoked.' });
    }
    context.set('caller', caller);
    await next();
  });
}

/** Whether the caller may see what only operators see. */
export function isOperator(caller: Caller): boolean {
  return caller.scopes.includes('admin');
}

/**
 * Lets a key of an operator pass. `what` completes "Only a key of an operator may …".
 * @throws {LonghaulError} `forbidden` for any other.
 */
export function requireOperator(caller: Caller, what: string): void {
  if (isOperator(caller)) return;
  throw new LonghaulError('forbidden', { message: `Only a key of an operator may ${what}.` });
}
