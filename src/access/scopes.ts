/** What a key or token may do. `admin` is all of it, with what is for operators alone. */
export const SCOPES = ['runs:write', 'runs:read', 'approvals', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Whether `held` is enough where `wanted` is asked for. */
export function hasScope(held: readonly Scope[], wanted: Scope): boolean {
  return held.includes('admin') || held.includes(wanted);
}
