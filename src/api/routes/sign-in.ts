import { createRoute } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { looksLikeKey } from '../../access/keys.ts';
import { beginSignIn, createSignInCode, endSignIn, useSignInCode } from '../../access/sign-ins.ts';
import type { Identity } from '../../access/access.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { signedInSchema, signInCodeSchema, signInRequestSchema, type SignedInResource } from '../contract.ts';
import { checkOrigin, clearSignInCookie, readSignInCookie, setSignInCookie } from '../sign-in-cookie.ts';
import { json, problems } from './answers.ts';

const MAX_BODY_BYTES = 4_096;

/** Adds the sign-in route. Its credential is in the body, so add it before the middleware that authenticates. */
export function addSignInRoute(api: Api, deps: ApiDeps): void {
  const { access, config, database, basePath } = deps;

  api.use('/v1/sign-in', (context, next) =>
    context.req.method === 'POST' ? bodyLimit({ maxSize: MAX_BODY_BYTES, onError: refuseBody })(context, next) : next(),
  );
  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sign-in',
      summary: 'Sign in to the dashboard',
      description:
        'Exchanges an API key, or a code, for a cookie that no script can read. The cookie has the rights of the key and ends when the key is revoked. For browsers; programs send their key.',
      request: { body: { required: true, content: { 'application/json': { schema: signInRequestSchema } } } },
      responses: { 200: json(signedInSchema, 'The key that is signed in.'), ...problems(400, 401, 403, 404, 413, 415) },
    }),
    async (context) => {
      checkOrigin(context);
      const { dashboard } = config;
      if (dashboard === null) throw noDashboard();
      const { key, code } = context.req.valid('json');
      const { caller } = key === undefined ? await useCode(code!) : await identifyKey(key);
      const begun = await beginSignIn(database, { keyId: caller.keyId, lastsMs: dashboard.signedInMs });
      setSignInCookie(context, { ...begun, basePath });
      return context.json(await describe(deps, { caller, expiresAt: begun.expiresAt }), 200);
    },
  );

  function identifyKey(key: string): Promise<Identity> {
    if (looksLikeKey(key)) return access.identify(key);
    throw new LonghaulError('unauthorized', { message: 'This is not an API key: keys begin with lh_.' });
  }

  async function useCode(code: string): Promise<Identity> {
    const keyId = await useSignInCode(database, code);
    const identity = keyId === null ? null : await access.identifyById(keyId);
    if (identity !== null) return identity;
    throw new LonghaulError('unauthorized', {
      message: 'The link was already used, or is older than ten minutes. Run "longhaul dashboard" for a new link.',
    });
  }
}

/** Adds the routes that identify the caller, sign out, and create sign-in codes. */
export function addSignedInRoutes(api: Api, deps: ApiDeps): void {
  const { config, database, basePath } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sign-in',
      summary: 'Identify the caller',
      description: 'Returns the key behind the credential of the request, and its scopes. For browsers and programs.',
      responses: { 200: json(signedInSchema, 'The key of the caller.'), ...problems(401) },
    }),
    async (context) => context.json(await describe(deps, context.get('identity')), 200),
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/sign-in',
      summary: 'Sign out of the dashboard',
      description: 'Ends the sign-in of the cookie in the request. Without a cookie it changes nothing.',
      responses: { 200: json(signedInSchema, 'The key of the caller.'), ...problems(401, 403) },
    }),
    async (context) => {
      const secret = readSignInCookie(context);
      if (secret !== null) await endSignIn(database, secret);
      clearSignInCookie(context, { basePath });
      return context.json(await describe(deps, context.get('identity')), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sign-in/code',
      summary: 'Create a code that signs in once',
      description:
        'Signs in the first browser that opens the dashboard with the code within ten minutes, with the rights of the key. Tokens and sign-ins are rejected.',
      responses: { 201: json(signInCodeSchema, 'The code.'), ...problems(401, 403, 404) },
    }),
    async (context) => {
      const { caller, expiresAt: endsAt } = context.get('identity');
      // A credential that ends by time must not prolong itself.
      if (endsAt !== null) {
        const what = caller.kind === 'token' ? 'A token' : 'A sign-in';
        throw new LonghaulError('forbidden', { message: `${what} cannot create sign-in codes. Send an API key.` });
      }
      const { dashboard } = config;
      if (dashboard === null) throw noDashboard();
      const { code, expiresAt } = await createSignInCode(database, caller.keyId);
      const base = basePath.replaceAll(/^\/+|\/+$/g, '');
      const path = `${base === '' ? '' : `/${encodeURI(base)}`}${dashboard.path}` || '/';
      return context.json({ code, path, expiresAt: expiresAt.toISOString() }, 201);
    },
  );
}

async function describe(
  { config, database, version }: ApiDeps,
  { caller, expiresAt }: Pick<Identity, 'caller' | 'expiresAt'>,
): Promise<SignedInResource> {
  const { keyId, scopes, user, team } = caller;
  const { name } = await database.sql
    .selectFrom('longhaul.api_keys')
    .select('name')
    .where('id', '=', keyId)
    .executeTakeFirstOrThrow();
  const { timeZone } = config;
  return {
    keyId,
    name,
    scopes: [...scopes],
    user,
    team,
    expiresAt: expiresAt?.toISOString() ?? null,
    version,
    timeZone,
  };
}

function noDashboard(): LonghaulError {
  return new LonghaulError('not_found', { message: 'This server has no dashboard: the option dashboard is false.' });
}

function refuseBody(): never {
  throw new LonghaulError('body_too_large', { message: `The body is larger than ${MAX_BODY_BYTES} bytes.` });
}
