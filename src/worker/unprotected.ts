import type { FoundContainment } from '../agent/containment.ts';
import type { Logger } from '../core/log.ts';

/** Says in one line what an agent with `Bash` can reach on this machine though it is not its own. Says nothing where that is nothing. */
export function logUnprotected(log: Logger, found: FoundContainment): void {
  const unprotected = listUnprotected(found, { isRoot: process.getuid?.() === 0 });
  if (unprotected.length === 0) return;
  const isOpen = found.kind !== 'mount_namespace' || found.exposesEnvironment;
  const words = `an agent that can run commands is not kept from all that is not its own: ${unprotected.join('; ')}`;
  log[isOpen ? 'warn' : 'info']({ containment: found.kind, unprotected }, words);
}

/** What a containment does not keep an agent from, in words for an operator. */
export function listUnprotected(
  { kind, exposesEnvironment }: FoundContainment,
  { isRoot }: { isRoot: boolean },
): string[] {
  return [
    ...(kind === 'mount_namespace'
      ? []
      : [
          "this machine allows no mount namespace, so it can read the data directory with the admin key, the configuration and its .env files, the files of other runs and the worker's home",
        ]),
    ...(exposesEnvironment ? ["it can read the worker's environment with the provider's key"] : []),
    ...(kind === 'mark' ? ['what it starts is found by a mark in its environment alone, which it can remove'] : []),
    ...(isRoot
      ? ["the worker runs as root, so it can change the system's own files: run the worker as another user"]
      : []),
  ];
}
