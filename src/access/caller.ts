import { LonghaulError } from '../core/errors.ts';
import type { Viewer } from '../run/viewer.ts';
import { hasScope, type Scope } from './scopes.ts';

/** Who is calling. */
export interface Caller {
  /** By an API key, or by a token that one has issued. */
  readonly kind: 'key' | 'token';
  /** The key, or the one that issued the token. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** The end user it is bound to: it sees and submits this one's runs alone. Null: any. */
  readonly user: string | null;
  /** The team it is bound to. Null: any. */
  readonly team: string | null;
}

/** Whose runs the caller may see. Every query that shows any takes this. */
export function toViewer({ user, team }: Caller): Viewer {
  return { user, team };
}

/** The team whose user it is that the caller names, or stands for; null: the application's. */
export function toTenant({ team }: Caller): string | null {
  return team;
}

/** Whether the caller may see what only operators see. */
export function isOperator(caller: Caller): boolean {
  return hasScope(caller.scopes, 'admin');
}

/** Whether the caller may see what runs are asked and what they answer. */
export function mayRead(caller: Caller): boolean {
  return hasScope(caller.scopes, 'runs:read');
}

/** Whether the caller stands for one user or team, not for the application. */
export function isBound({ user, team }: Caller): boolean {
  return user !== null || team !== null;
}

/** The highest priority that the caller may name; null: any. */
export function toMaxPriority(caller: Caller, { maxPriority }: { readonly maxPriority: number }): number | null {
  return isBound(caller) && !isOperator(caller) ? maxPriority : null;
}

/**
 * The user and team of what the caller submits: its own where it is bound, else those it names.
 * @throws {LonghaulError} `forbidden` when it names another's. One bound to a user may not choose whose budget pays, so it
 * names no team but its own.
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

/** Whose idempotency keys the caller's are: two users' browsers may choose the same. */
export function toIdempotencyOwner({ kind, keyId, user, team }: Caller): string {
  return kind === 'key' ? keyId : JSON.stringify([keyId, user, team]);
}
