import type { Containment } from '../agent/containment/containment.ts';
import type { FoundSandbox } from '../agent/sandbox/sandbox.ts';
import type { Agent } from '../config/config.ts';
import { canWrite } from '../config/resolve-tools.ts';
import { LonghaulError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';

interface ReportOptions {
  readonly agents: readonly Agent[];
  readonly found: FoundSandbox;
  /** The containment of agents that have no sandbox. */
  readonly containment: Containment['kind'];
  readonly log: Logger;
}

/**
 * Logs which agents have no sandbox on this machine, why, and what then holds.
 * @throws {LonghaulError} `sandbox_unavailable` when an agent requires one: its runs must not begin here.
 */
export function reportSandboxes({ agents, found, containment, log }: ReportOptions): void {
  const open = agents.filter(({ sandbox, tools }) => sandbox === null && canWrite(tools));
  if (open.length > 0) {
    const words = 'these agents change files or run commands without a sandbox, because their configuration says so';
    log.warn({ agents: toNames(open), containment }, words);
  }
  if (!('missing' in found)) return;
  const wanting = agents.filter(({ sandbox }) => sandbox !== null);
  const requiring = wanting.filter(({ sandbox }) => sandbox?.isRequired === true);
  if (requiring.length > 0) {
    throw new LonghaulError('sandbox_unavailable', {
      message: `The agents ${toNames(requiring).join(', ')} require a sandbox, which this machine cannot hold: ${found.missing}. ${SANDBOX_MEND}`,
    });
  }
  if (wanting.length === 0) return;
  const words =
    'this machine cannot hold a sandbox: these agents can connect anywhere, and have no limits on processes, open files and disk';
  log.warn({ agents: toNames(wanting), missing: found.missing, containment, mend: SANDBOX_MEND }, words);
}

/** The remedy for an operator whose machine holds no sandboxes. */
export const SANDBOX_MEND =
  'Install bubblewrap (package "bubblewrap"), and let the user of the worker make user namespaces (docs/sandbox.md, Requirements).';

function toNames(agents: readonly Agent[]): string[] {
  return agents.map(({ name }) => name);
}
