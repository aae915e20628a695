import type { FoundContainment } from '../agent/containment.ts';

/** What the list is a list of, for the log. */
export const UNPROTECTED = 'an agent that can run commands may reach more than is its own on this machine';

/** What a containment does not keep an agent with `Bash` from, in words for the log of a worker's start. */
export function listUnprotected({ kind, exposesEnvironment }: FoundContainment): string[] {
  const isRoot = process.getuid?.() === 0;
  return [
    ...(kind === 'mount_namespace'
      ? []
      : [
          "no mount namespace is allowed here, so it can read the data directory with the admin key, the configuration and its .env files, the files of other runs, and the worker's home",
        ]),
    ...(exposesEnvironment ? ["it can read the worker's environment, the provider's key included"] : []),
    ...(kind === 'mark' ? ['what it starts is found by a mark in its environment alone, which it can clear'] : []),
    ...(isRoot ? ["the worker runs as root, so it can change the system's own files; run the worker as a user of its own"] : []),
  ];
}
