/**
 * Versions of Claude Code that the tests have passed with, oldest first; the last is the pinned Agent SDK's own. Add a
 * version only after `npm run upstream` has passed with it.
 */
export const TRIED_VERSIONS: readonly string[] = ['2.1.330', '2.1.332'];

/** Returns whether the tests have passed with this version of Claude Code, as `claude --version` spells it. */
export function isTriedVersion(version: string): boolean {
  return TRIED_VERSIONS.includes(version);
}
