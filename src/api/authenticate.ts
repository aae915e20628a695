import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { Access, Identity } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import { looksLikeKey } from '../access/keys.ts';
import { untilEnded } from '../access/until-ended.ts';
import { LonghaulError } from '../core/errors.ts';
import type { TraceContext } from '../core/trace-context.ts';
import type { DeclaredRoute } from './declaration.ts';
import type { FindRoute } from './find-route.ts';
import { requireAccess } from './route-access.ts';
import { readSignInCookie } from './sign-in-cookie.ts';

/** Data about the request that routes receive in addition to the request itself. */
export interface ApiEnv {
  Variables: {
    caller: Caller;
    identity: Identity;
    /**
     * Aborts when the caller's key is revoked or its token expires, which ends its streams. Many callers share it, so a
     * listener must be removed when its stream ends.
     */
    revoked: AbortSignal;
    /** The route that will respond; null when none matches. */
    route: DeclaredRoute | null;
    /** The span of the request, or the caller's; null: none. */
    trace: TraceContext | null;
  };
}

/** The bindings of a request from the application in the same process. A request over HTTP never has them. */
export interface InProcessBindings {
  readonly isInProcess: true;
}

/** Rejects requests without a valid key or token, or whose scopes do not allow the route. Sets the caller and the route. */
export function authenticate(access: Access, findRoute: FindRoute) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const route = findRoute(context);
    const identity = await identify(access, context, route);
    if (route !== null) requireAccess(identity.caller, route.access);
    const { signal, dispose } = untilEnded(identity);
    context.set('caller', identity.caller);
    context.set('identity', identity);
    context.set('revoked', signal);
    context.set('route', route);
    await next();
    if (!isStream(context.res)) dispose();
  });
}

/** By the process it is in, by its key or token, or, in the dashboard, by the browser's sign-in. */
async function identify(access: Access, context: Context, route: DeclaredRoute | null): Promise<Identity> {
  const { isInProcess = false } = (context.env ?? {}) as Partial<InProcessBindings>;
  if (isInProcess) return access.identifyInProcess();
  const secret = context.req.header('authorization') === undefined ? readSignInCookie(context) : null;
  if (secret !== null) return access.identifySignIn(secret);
  return access.identify(readCredential(context.req.raw, route));
}

/**
 * Reads the key or token of a request. For a stream, a token may be in the URL, because `EventSource` and `WebSocket`
 * in a browser cannot set headers; never a key, because URLs end up in logs.
 * @throws {LonghaulError} `unauthorized` when there is none.
 */
function readCredential(request: Request, route: DeclaredRoute | null): string {
  const header = request.headers.get('authorization');
  const [, credential] = /^Bearer +(\S+)$/i.exec(header ?? '') ?? [];
  if (credential !== undefined) return credential;
  const token = header === null && wantsStream(request, route) ? new URL(request.url).searchParams.get('token') : null;
  if (token === null || token === '') {
    throw new LonghaulError('unauthorized', {
      message: 'Send an API key, or a token of POST /v1/tokens, as "Authorization: Bearer KEY".',
    });
  }
  if (looksLikeKey(token)) {
    throw new LonghaulError('unauthorized', {
      message:
        'An API key must not be sent in a URL, because URLs end up in logs. Send a token of POST /v1/tokens as ?token=.',
    });
  }
  return token;
}

/** Returns whether the request is for a stream. For other requests a browser can set a header. */
function wantsStream({ method, headers }: Request, route: DeclaredRoute | null): boolean {
  if (method !== 'GET' || route?.isStream !== true) return false;
  if (headers.get('upgrade')?.toLowerCase() === 'websocket') return true;
  return headers.get('accept')?.includes('text/event-stream') === true;
}

/** Returns whether the response is a stream: the caller's credential is then watched until the response is finished. */
function isStream(response: Response): boolean {
  const type = response.headers.get('content-type') ?? '';
  return response.status === 101 || /^(text\/event-stream|text\/csv|application\/jsonl)/.test(type);
}
