import type { Identity } from '../../access/access.ts';
import { readKeyName, looksLikeKey } from '../../access/keys.ts';
import { beginSignIn, createSignInCode as createCode, endSignIn, useSignInCode } from '../../access/sign-ins.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { signedInSchema, signInCodeSchema, signInRequestSchema, type SignedInResource } from '../contract.ts';
import { route } from '../route.ts';
import { checkOrigin, clearSignInCookie, readSignInCookie, setSignInCookie } from '../sign-in-cookie.ts';
import { json, problems } from './answers.ts';
import { jsonBody } from './requests.ts';

export const signIn = route(
  {
    method: 'post',
    path: '/v1/sign-in',
    operationId: 'signIn',
    tag: 'Access',
    // The credential is in the body.
    access: 'everyone',
    maxBodyBytes: 4_096,
    summary: 'Sign in to the dashboard',
    description:
      'Exchanges an API key, or a code, for a cookie that no script can read. The cookie has the rights of the key and ends when the key is revoked. For browsers; programs send their key.',
    request: { body: jsonBody(signInRequestSchema) },
    responses: { 200: json(signedInSchema, 'The key that is signed in.'), ...problems(400, 401, 403, 404, 413, 415) },
  },
  async (context, deps) => {
    checkOrigin(context);
    const { config, database, basePath } = deps;
    const { dashboard } = config;
    if (dashboard === null) throw noDashboard();
    const { key, code } = context.req.valid('json');
    const { caller } = key === undefined ? await useCode(deps, code!) : await identifyKey(deps, key);
    const begun = await beginSignIn(database, { keyId: caller.keyId, lastsMs: dashboard.signedInMs });
    setSignInCookie(context, { ...begun, basePath });
    return context.json(await describe(deps, { caller, expiresAt: begun.expiresAt }), 200);
  },
);

export const getSignedIn = route(
  {
    method: 'get',
    path: '/v1/sign-in',
    operationId: 'getSignedIn',
    tag: 'Access',
    access: 'anyone',
    summary: 'Identify the caller',
    description: 'Returns the key behind the credential of the request, and its scopes. For browsers and programs.',
    responses: { 200: json(signedInSchema, 'The key of the caller.'), ...problems(401) },
  },
  async (context, deps) => context.json(await describe(deps, context.get('identity')), 200),
);

export const signOut = route(
  {
    method: 'delete',
    path: '/v1/sign-in',
    operationId: 'signOut',
    tag: 'Access',
    access: 'anyone',
    summary: 'Sign out of the dashboard',
    description: 'Ends the sign-in of the cookie in the request. Without a cookie it changes nothing.',
    responses: { 200: json(signedInSchema, 'The key of the caller.'), ...problems(401, 403) },
  },
  async (context, deps) => {
    const { database, basePath } = deps;
    const secret = readSignInCookie(context);
    if (secret !== null) await endSignIn(database, secret);
    clearSignInCookie(context, { basePath });
    return context.json(await describe(deps, context.get('identity')), 200);
  },
);

export const createSignInCode = route(
  {
    method: 'post',
    path: '/v1/sign-in/code',
    operationId: 'createSignInCode',
    tag: 'Access',
    access: 'anyone',
    summary: 'Create a code that signs in once',
    description:
      'Signs in the first browser that opens the dashboard with the code within ten minutes, with the rights of the key. Tokens and sign-ins are rejected.',
    responses: { 201: json(signInCodeSchema, 'The code.'), ...problems(401, 403, 404) },
  },
  async (context, { config, database, basePath }) => {
    const { caller, expiresAt: endsAt } = context.get('identity');
    // A credential that ends by time must not prolong itself.
    if (endsAt !== null) {
      const what = caller.kind === 'token' ? 'A token' : 'A sign-in';
      throw new LonghaulError('forbidden', { message: `${what} cannot create sign-in codes. Send an API key.` });
    }
    const { dashboard } = config;
    if (dashboard === null) throw noDashboard();
    const { code, expiresAt } = await createCode(database, caller.keyId);
    const base = basePath.replaceAll(/^\/+|\/+$/g, '');
    const path = `${base === '' ? '' : `/${encodeURI(base)}`}${dashboard.path}` || '/';
    return context.json({ code, path, expiresAt: expiresAt.toISOString() }, 201);
  },
);

function identifyKey({ access }: ApiDeps, key: string): Promise<Identity> {
  if (looksLikeKey(key)) return access.identify(key);
  throw new LonghaulError('unauthorized', { message: 'This is not an API key: keys begin with lh_.' });
}

async function useCode({ access, database }: ApiDeps, code: string): Promise<Identity> {
  const keyId = await useSignInCode(database, code);
  const identity = keyId === null ? null : await access.identifyById(keyId);
  if (identity !== null) return identity;
  throw new LonghaulError('unauthorized', {
    message: 'The link was already used, or is older than ten minutes. Run "longhaul dashboard" for a new link.',
  });
}

async function describe(
  { config, database, version }: ApiDeps,
  { caller, expiresAt }: Pick<Identity, 'caller' | 'expiresAt'>,
): Promise<SignedInResource> {
  const { keyId, scopes, user, team } = caller;
  return {
    keyId,
    name: await readKeyName(database, keyId),
    scopes: [...scopes],
    user,
    team,
    expiresAt: expiresAt?.toISOString() ?? null,
    version,
    timeZone: config.timeZone,
  };
}

function noDashboard(): LonghaulError {
  return new LonghaulError('not_found', { message: 'This server has no dashboard: the option dashboard is false.' });
}
