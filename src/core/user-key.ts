import { countCharacters } from './text.ts';

/** Whose a run is, as far as limits and fairness go. */
export interface Owner {
  readonly user: string | null;
  /** The team whose user it is, where a caller bound to a team has named it; null: the application's. */
  readonly tenant: string | null;
}

/**
 * A user as limits, budgets and kept processes know it: two users of one name, of different teams or of a team and the
 * application, are two. The same text as `longhaul.user_key` makes. Null: there is no user.
 */
export function toUserKey(owner: Owner & { readonly user: string }): string;
export function toUserKey(owner: Owner): string | null;
export function toUserKey({ user, tenant }: Owner): string | null {
  if (user === null) return null;
  if (tenant !== null) return `[${countCharacters(tenant)}]${tenant}${user}`;
  return user.startsWith('[') ? `[]${user}` : user;
}

/** The user that a key is of. */
export function parseUserKey(key: string): { readonly user: string; readonly tenant: string | null } {
  const [prefix = '', length = ''] = /^\[(\d*)\]/.exec(key) ?? [];
  if (length === '') return { user: key.slice(prefix.length), tenant: null };
  // By code points, as PostgreSQL counts them.
  const characters = Array.from(key.slice(prefix.length));
  return {
    tenant: characters.slice(0, Number(length)).join(''),
    user: characters.slice(Number(length)).join(''),
  };
}
