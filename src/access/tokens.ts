import { randomBytes } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { isUserScope, SCOPES, type Scope } from './scopes.ts';

/** The claims of a token about its caller. */
export interface TokenClaims {
  /** The API key that issued the token. */
  readonly keyId: string;
  readonly user: string;
  readonly team: string | null;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date;
}

/** Signs tokens for end users' browsers, and verifies them. */
export interface Tokens {
  sign(claims: TokenClaims): Promise<string>;
  /** @throws {LonghaulError} `token_expired`, or `unauthorized` with the reason. */
  verify(token: string): Promise<TokenClaims>;
}

/** The only algorithm. It is never read from the token, because then its sender would choose how it is verified. */
const ALGORITHM = 'HS256';
const ISSUER = 'longhaul';
const SECRET_NAME = 'tokens';

/** Opens the signing and verification of tokens, with the secret that all servers of a database share. */
export async function openTokens(database: Database): Promise<Tokens> {
  const secret = await readSecret(database);
  return {
    sign: ({ keyId, user, team, scopes, expiresAt }) =>
      new SignJWT({ key: keyId, scopes, ...(team !== null && { team }) })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setIssuer(ISSUER)
        .setSubject(user)
        .setIssuedAt()
        .setExpirationTime(expiresAt)
        .sign(secret),
    async verify(token) {
      const { payload } = await jwtVerify(token, secret, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        requiredClaims: ['sub', 'exp', 'key', 'scopes'],
      }).catch((error: unknown) => {
        throw toTokenError(error);
      });
      const { sub, exp, key, scopes, team = null } = payload;
      return {
        keyId: key as string,
        user: sub!,
        team: team as string | null,
        scopes: SCOPES.filter((scope) => isUserScope(scope) && (scopes as string[]).includes(scope)),
        expiresAt: new Date(exp! * 1_000),
      };
    },
  };
}

/** Reads the secret. The first server creates it; if two start at once, the second uses the secret of the first. */
async function readSecret({ sql }: Database): Promise<Uint8Array> {
  await sql
    .insertInto('longhaul.secrets')
    .values({ name: SECRET_NAME, value: randomBytes(32).toString('base64') })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const { value } = await sql
    .selectFrom('longhaul.secrets')
    .select('value')
    .where('name', '=', SECRET_NAME)
    .executeTakeFirstOrThrow();
  return Buffer.from(value, 'base64');
}

function toTokenError(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) {
    const at = new Date(Number(error.payload.exp) * 1_000).toISOString();
    return new LonghaulError('token_expired', {
      message: `The token expired at ${at}. Ask the application for a new one.`,
    });
  }
  if (!(error instanceof errors.JOSEError)) return error;
  return new LonghaulError('unauthorized', { message: toReason(error), cause: error });
}

function toReason(error: errors.JOSEError): string {
  if (error instanceof errors.JOSEAlgNotAllowed)
    return `The token is not signed with ${ALGORITHM}, the only accepted algorithm.`;
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'The token was changed, or signed with another secret than that of this service.';
  if (error instanceof errors.JWTClaimValidationFailed) return 'The token was not issued by this service.';
  return 'The credential is neither an API key nor a token of this service.';
}
