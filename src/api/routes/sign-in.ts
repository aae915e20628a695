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

/** Signing in, which asks for no credential but the one in its body. To be added before what asks for one. */
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
        'Exchanges an API key, or a code, for a cookie that no script can read. It stands for the key, and ends with it. For browsers: programs send their key.',
      request: { body: { required: true, content: { 'application/json': { schema: signInRequestSchema } } } },
      responses: { 200: json(signedInSchema, 'Who is signed in.'), ...problems(400, 401, 403, 404, 413, 415) },
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
    throw new LonghaulError('unauthorized', { message: 'That is no API key: keys begin with lh_.' });
  }

  async function useCode(code: string): Promise<Identity> {
    const keyId = await useSignInCode(database, code);
    const identity = keyId === null ? null : await access.identifyById(keyId);
    if (identity !== null) return identity;
    throw new LonghaulError('unauthorized', {
      message: 'The link was used already, or is older than ten minutes. "longhaul dashboard" prints a new one.',
    });
  }
}

/** Who is calling, signing out, and links that sign in. */
export function addSignedInRoutes(api: Api, deps: ApiDeps): void {
  const { config, database, basePath } = deps;

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sign-in',
      summary: 'Say who is calling',
      description: 'What the credential of the request is, and what it may do. Not only for browsers.',
      responses: { 200: json(signedInSchema, 'Who is calling.'), ...problems(401) },
    }),
    async (context) => context.json(await describe(deps, context.get('identity')), 200),
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/sign-in',
      summary: 'Sign out of the dashboard',
      description: 'Ends the sign-in of the cookie that comes with it. Where there is none, nothing happens.',
      responses: { 200: json(signedInSchema, 'Who was signed in.'), ...problems(401, 403) },
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
      summary: 'Make a code that signs in once',
      description:
        'For keys, not for tokens. Whoever opens the dashboard with it within ten minutes is signed in as the key; the first has it.',
      responses: { 201: json(signInCodeSchema, 'The code.'), ...problems(401, 403, 404) },
    }),
    async (context) => {
      const { kind, keyId } = context.get('caller');
      if (kind === 'token') {
        throw new LonghaulError('forbidden', { message: 'A token signs nobody in. Send an API key.' });
      }
      const { dashboard } = config;
      if (dashboard === null) throw noDashboard();
      const { code, expiresAt } = await createSignInCode(database, keyId);
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
  return new LonghaulError('not_found', { message: 'This server has no dashboard: dashboard is false.' });
}

function refuseBody(): never {
  throw new LonghaulError('body_too_large', { message: `The body is larger than ${MAX_BODY_BYTES} bytes.` });
}
