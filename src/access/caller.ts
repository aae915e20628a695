import { LonghaulError } from '../core/errors.ts';
import type { Viewer } from '../run/viewer.ts';
import { hasScope, type Scope } from './scopes.ts';

/** The caller of a request. */
export interface Caller {
  /** The kind of credential: an API key, or a token that a key has issued. */
  readonly kind: 'key' | 'token';
  /** The id of the key, or of the key that issued the token. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** The end user the caller is bound to, whose runs only it sees and submits. Null for any. */
  readonly user: string | null;
  /** The team the caller is bound to. Null for any. */
  readonly team: string | null;
}

/** Returns the viewer for the runs that the caller may see. Every query that reads runs takes a viewer. */
export function toViewer({ user, team }: Caller): Viewer {
  return { user, team };
}

/** Returns the team that owns the users whom the caller names; null when they are the application's. */
export function toTenant({ team }: Caller): string | null {
  return team;
}

/** Returns whether the caller is an operator. */
export function isOperator(caller: Caller): boolean {
  return hasScope(caller.scopes, 'admin');
}

/** Returns whether the caller may see the prompts and results of runs. */
export function mayRead(caller: Caller): boolean {
  return hasScope(caller.scopes, 'runs:read');
}

/** Returns whether the caller is bound to a user or team, and so does not act for the application. */
export function isBound({ user, team }: Caller): boolean {
  return user !== null || team !== null;
}

/** Returns the highest priority that the caller may request; null for any. */
export function toMaxPriority(caller: Caller, { maxPriority }: { readonly maxPriority: number }): number | null {
  return isBound(caller) && !isOperator(caller) ? maxPriority : null;
}

/**
 * Returns the user and team of a submission: those the caller is bound to, else those it names.
 * @throws {LonghaulError} `forbidden` when the caller names others. A caller bound to a user may not choose whose
 * budget pays, so it can name no team but its own.
 */
export function toOwners(
  caller: Caller,
  named: { readonly user?: string | undefined; readonly team?: string | undefined },
): { user: string | undefined; team: string | undefined } {
  for (const part of ['user', 'team'] as const) {
    const isFixed = caller[part] !== null || (part === 'team' && caller.user !== null);
    if (!isFixed || named[part] === undefined || named[part] === caller[part]) continue;
    const own = caller[part] === null ? 'no team' : `the ${part} ${JSON.stringify(caller[part])}`;
    throw new LonghaulError('forbidden', {
      message: `This ${caller.kind === 'key' ? 'API key' : 'token'} is bound to ${own}; it cannot submit for another. Leave ${part} out.`,
      errors: [{ path: part, message: `must be left out, or be the ${part} the ${caller.kind} is bound to` }],
    });
  }
  return { user: caller.user ?? named.user, team: caller.team ?? named.team };
}

/** Returns the owner of the caller's idempotency keys, because the browsers of two users may choose the same key. */
export function toIdempotencyOwner({ kind, keyId, user, team }: Caller): string {
  return kind === 'key' ? keyId : JSON.stringify([keyId, user, team]);
}
