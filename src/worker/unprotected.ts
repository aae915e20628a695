import type { FoundContainment } from '../agent/containment/containment.ts';
import type { Logger } from '../core/log.ts';

/**
 * Logs in one line what an agent with `Bash` can reach on this machine outside its run. Logs nothing when there is
 * nothing.
 */
export function logUnprotected(log: Logger, found: FoundContainment): void {
  const unprotected = listUnprotected(found, { isRoot: process.getuid?.() === 0 });
  if (unprotected.length === 0) return;
  const isOpen = found.kind !== 'mount_namespace' || found.exposesEnvironment;
  const words = `an agent that can run commands can reach more than its own run: ${unprotected.join('; ')}`;
  log[isOpen ? 'warn' : 'info']({ containment: found.kind, unprotected }, words);
}

/** Lists what a containment does not protect from an agent, in words for an operator. */
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
    ...(kind === 'mark'
      ? ['processes that it starts are found only by a mark in their environment, which it can remove']
      : []),
    ...(isRoot
      ? ["the worker runs as root, so it can change the system's own files: run the worker as another user"]
      : []),
  ];
}
