import { countCharacters } from './text.ts';

/** The user and tenant of a run, for limits and fairness. */
export interface Owner {
  readonly user: string | null;
  /** The team that the user belongs to, if a caller bound to a team named the user; null: the application's. */
  readonly tenant: string | null;
}

/**
 * Returns the key of a user for limits, budgets and kept processes. Users of the same name are different users when
 * they belong to different teams, or to a team and the application. The SQL function `longhaul.user_key` returns the
 * same text. Null: there is no user.
 */
export function toUserKey(owner: Owner & { readonly user: string }): string;
export function toUserKey(owner: Owner): string | null;
export function toUserKey({ user, tenant }: Owner): string | null {
  if (user === null) return null;
  if (tenant !== null) return `[${countCharacters(tenant)}]${tenant}${user}`;
  return user.startsWith('[') ? `[]${user}` : user;
}

/** Returns the user of a key. */
export function parseUserKey(key: string): { readonly user: string; readonly tenant: string | null } {
  const [prefix = '', length = ''] = /^\[(\d*)\]/.exec(key) ?? [];
  if (length === '') return { user: key.slice(prefix.length), tenant: null };
  // By code points, like PostgreSQL.
  const characters = Array.from(key.slice(prefix.length));
  return {
    tenant: characters.slice(0, Number(length)).join(''),
    user: characters.slice(Number(length)).join(''),
  };
}
