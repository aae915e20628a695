import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import type { Access, Identity } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import { looksLikeKey } from '../access/keys.ts';
import { untilEnded } from '../access/until-ended.ts';
import { LonghaulError } from '../core/errors.ts';
import { requireAccess } from './route-access.ts';
import { readSignInCookie } from './sign-in-cookie.ts';

/** What the routes know of the request beside the request itself. */
export interface ApiEnv {
  Variables: {
    caller: Caller;
    identity: Identity;
    /**
     * Aborts when the caller's key is revoked or its token expires: streams end on it. Many callers share it; whoever
     * listens takes the listener back when the stream is over.
     */
    revoked: AbortSignal;
  };
}

/** The routes that can be followed. */
const STREAMS = new Set(['GET /v1/runs/:id/events', 'GET /v1/stream']);

/** What comes beside a request that the application sends in whose process this is. Nothing over HTTP brings it. */
export interface InProcessBindings {
  readonly isInProcess: true;
}

/** Lets only callers with a key or token that works through, to what its scopes allow, and says who they are. */
export function authenticate(access: Access) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const route = findRoute(context);
    const identity = await identify(access, context, route);
    requireAccess(identity.caller, route);
    const { signal, dispose } = untilEnded(identity);
    context.set('caller', identity.caller);
    context.set('identity', identity);
    context.set('revoked', signal);
    await next();
    if (!isStream(context.res)) dispose();
  });
}

/** By the process it is in, by its key or token, or, in the dashboard, by the browser's sign-in. */
async function identify(access: Access, context: Context, route: string | null): Promise<Identity> {
  const { isInProcess = false } = (context.env ?? {}) as Partial<InProcessBindings>;
  if (isInProcess) return access.identifyInProcess();
  const secret = context.req.header('authorization') === undefined ? readSignInCookie(context) : null;
  if (secret !== null) return access.identifySignIn(secret);
  return access.identify(readCredential(context.req.raw, route));
}

/**
 * The key or token of a request. On a stream a token may stand in the address, for `EventSource` and `WebSocket` in a
 * browser send no header of ours; never a key, for addresses end up in logs.
 * @throws {LonghaulError} `unauthorized` when there is none.
 */
function readCredential(request: Request, route: string | null): string {
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
        'An API key must not stand in an address, where logs keep it. Send a token of POST /v1/tokens as ?token=.',
    });
  }
  return token;
}

/** Whether what asks is followed: a browser asks for the rest with a header. */
function wantsStream({ method, headers }: Request, route: string | null): boolean {
  if (method !== 'GET' || route === null || !STREAMS.has(route)) return false;
  if (headers.get('upgrade')?.toLowerCase() === 'websocket') return true;
  return headers.get('accept')?.includes('text/event-stream') === true;
}

/** The route that is going to answer, such as `GET /v1/runs/:id`; null: none, and 404 or 405 will. */
export function findRoute(context: Context): string | null {
  const found = matchedRoutes(context).find(({ method }) => method !== 'ALL');
  return found === undefined ? null : `${found.method} ${found.path}`;
}

/** Whether the answer goes on after it was begun: what let the caller in is watched until it is over. */
function isStream(response: Response): boolean {
  const type = response.headers.get('content-type') ?? '';
  return response.status === 101 || /^(text\/event-stream|text\/csv|application\/jsonl)/.test(type);
}
