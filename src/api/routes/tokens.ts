import type { Caller } from '../../access/caller.ts';
import { hasScope, SCOPES, type Scope } from '../../access/scopes.ts';
import { LonghaulError } from '../../core/errors.ts';
import { tokenRequestSchema, tokenSchema } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { jsonBody } from './requests.ts';

const DEFAULT_SECONDS = 900;

export const createToken = route(
  {
    method: 'post',
    path: '/v1/tokens',
    operationId: 'createToken',
    tag: 'Access',
    access: 'anyone',
    isForKeysOnly: true,
    summary: "Issue a short-lived token for one user's browser",
    description:
      'For API keys, not for tokens. A client with the token sees and submits runs of that user only. The token ends when the key that issued it is revoked, and not later than the sign-in that issued it.',
    request: { body: jsonBody(tokenRequestSchema) },
    responses: { 201: json(tokenSchema, 'The token.'), ...problems(400, 401, 403, 413, 415) },
  },
  async (context, { access }) => {
    const { caller: issuer, expiresAt: endsAt } = context.get('identity');
    if (issuer.kind === 'token') {
      throw new LonghaulError('forbidden', { message: 'A token cannot issue tokens. Send an API key.' });
    }
    const { user, team, scopes, expiresInSeconds = DEFAULT_SECONDS } = context.req.valid('json');
    const bound = bind(issuer, { user, team });
    // A sign-in to the dashboard, which ends by time, must not prolong itself. Tokens hold whole seconds.
    const asked = Math.floor(Date.now() / 1_000) + expiresInSeconds;
    const expiresAt = new Date(Math.min(asked, Math.floor((endsAt?.getTime() ?? Infinity) / 1_000)) * 1_000);
    const token = await access.issueToken({ issuer, ...bound, scopes: grant(issuer, scopes), expiresAt });
    return context.json({ token, expiresAt: expiresAt.toISOString() }, 201);
  },
);

/** Returns the user and team of the token. They cannot differ from the user and team that the key is bound to. */
function bind(issuer: Caller, { user, team }: { user: string; team?: string | undefined }) {
  for (const [part, named] of [
    ['user', user],
    ['team', team],
  ] as const) {
    const own = issuer[part];
    if (own === null || named === undefined || named === own) continue;
    throw new LonghaulError('forbidden', {
      message: `This API key is bound to the ${part} ${JSON.stringify(own)}; it cannot issue a token for another.`,
      errors: [{ path: part, message: `must be the ${part} the key is bound to` }],
    });
  }
  return { user, team: team ?? issuer.team };
}

function grant(issuer: Caller, wanted: readonly Scope[] | undefined): readonly Scope[] {
  const granted = wanted ?? SCOPES.filter((scope) => scope !== 'admin' && hasScope(issuer.scopes, scope));
  const missing = granted.find((scope) => !hasScope(issuer.scopes, scope));
  if (missing === undefined) return [...new Set(granted)];
  throw new LonghaulError('forbidden', {
    message: `This API key lacks the scope ${missing}, so its tokens cannot have it.`,
    errors: [{ path: 'scopes', message: 'must be scopes of the key' }],
  });
}
