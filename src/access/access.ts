import { LonghaulError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Caller } from './caller.ts';
import { ensureInProcessKey } from './in-process-key.ts';
import { openKeyDirectory } from './key-directory.ts';
import { IN_PROCESS_KEY_ID, looksLikeKey } from './keys.ts';
import type { Scope } from './scopes.ts';
import { findSignIn } from './sign-ins.ts';
import { openTokens } from './tokens.ts';

/** The caller behind a credential, and how long the credential is valid. */
export interface Identity {
  readonly caller: Caller;
  /**
   * Aborts when the key of the credential is revoked. Many callers share it, so a listener must be removed when done.
   */
  readonly revoked: AbortSignal;
  /** When the credential expires; null for never. */
  readonly expiresAt: Date | null;
}

interface TokenRequest {
  /** The key that issues the token. */
  readonly issuer: Caller;
  readonly user: string;
  readonly team: string | null;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date;
}

/** Identifies callers and issues tokens. */
export interface Access {
  /**
   * Identifies the caller of a credential, which is an API key or a token.
   * @throws {LonghaulError} `unauthorized` with the reason, or `token_expired`.
   */
  identify(credential: string): Promise<Identity>;
  /**
   * Identifies the application that runs Longhaul in its own process.
   * @throws {LonghaulError} `unauthorized` when its key was revoked.
   */
  identifyInProcess(): Promise<Identity>;
  /** The identity of the key with this id; null: there is none, or it was revoked. */
  identifyById(keyId: string): Promise<Identity | null>;
  /**
   * Says whose a sign-in to the dashboard is, by the secret that the browser holds.
   * @throws {LonghaulError} `unauthorized` when it has ended, by itself or with its key.
   */
  identifySignIn(secret: string): Promise<Identity>;
  issueToken(request: TokenRequest): Promise<string>;
  close(): Promise<void>;
}

/** Opens the access to keys and tokens. */
export async function openAccess({ database, log }: { database: Database; log: Logger }): Promise<Access> {
  const tokens = await openTokens(database);
  const keys = await openKeyDirectory({ database, log });

  async function identify(credential: string): Promise<Identity> {
    if (looksLikeKey(credential)) {
      const key = await keys.find(credential);
      if (key === null) {
        throw new LonghaulError('unauthorized', { message: 'The API key is unknown or was revoked.' });
      }
      return { caller: key.caller, revoked: key.revoked, expiresAt: null };
    }
    const { keyId, user, team, scopes, expiresAt } = await tokens.verify(credential);
    const key = await keys.findById(keyId);
    if (key === null) {
      throw new LonghaulError('unauthorized', { message: 'The API key that issued this token was revoked.' });
    }
    return { caller: { kind: 'token', keyId, scopes, user, team }, revoked: key.revoked, expiresAt };
  }

  async function identifyInProcess(): Promise<Identity> {
    let key = await keys.findById(IN_PROCESS_KEY_ID);
    if (key === null) {
      await ensureInProcessKey(database);
      key = await keys.findById(IN_PROCESS_KEY_ID);
    }
    if (key === null) {
      throw new LonghaulError('unauthorized', {
        message: 'The in-process key, which applications use when they run Longhaul in their own process, was revoked.',
      });
    }
    return { caller: key.caller, revoked: key.revoked, expiresAt: null };
  }

  async function identifyById(keyId: string): Promise<Identity | null> {
    const key = await keys.findById(keyId);
    return key === null ? null : { caller: key.caller, revoked: key.revoked, expiresAt: null };
  }

  async function identifySignIn(secret: string): Promise<Identity> {
    const signIn = await findSignIn(database, secret);
    const identity = signIn === null ? null : await identifyById(signIn.keyId);
    if (signIn === null || identity === null) {
      throw new LonghaulError('unauthorized', {
        message: 'You are no longer signed in: sign in again with an API key.',
      });
    }
    return { ...identity, expiresAt: signIn.expiresAt };
  }

  return {
    identify,
    identifyInProcess,
    identifyById,
    identifySignIn,
    issueToken: ({ issuer, ...claims }) => tokens.sign({ keyId: issuer.keyId, ...claims }),
    close: () => keys.close(),
  };
}
