/** The scopes of keys and tokens. `admin` includes the others, and everything that is for operators only. */
export const SCOPES = ['runs:write', 'runs:read', 'approvals', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Returns whether the scopes `held` include the scope `wanted`. */
export function hasScope(held: readonly Scope[], wanted: Scope): boolean {
  return held.includes('admin') || held.includes(wanted);
}
