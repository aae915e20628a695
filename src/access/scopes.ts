/**
 * The scopes of keys and tokens. `admin` includes the others, and everything that is for operators only. `metrics` is
 * for scrapers and scalers: it opens the figures of the fleet, and nothing that other scopes open. `agents:write` defines
 * agents and environments at run time (`src/managed`).
 */
export const SCOPES = ['runs:write', 'runs:read', 'approvals', 'agents:write', 'metrics', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Returns whether the scopes `held` include the scope `wanted`. */
export function hasScope(held: readonly Scope[], wanted: Scope): boolean {
  return held.includes('admin') || held.includes(wanted);
}

/** Returns whether a token for a user's browser may have a scope: not the scopes that concern all users. */
export function isUserScope(scope: Scope): scope is Exclude<Scope, 'admin' | 'metrics' | 'agents:write'> {
  return scope !== 'admin' && scope !== 'metrics' && scope !== 'agents:write';
}

/** Returns whether scopes are only for scraping. */
export function onlyScrapes(scopes: readonly Scope[]): boolean {
  return scopes.length > 0 && scopes.every((scope) => scope === 'metrics');
}
