import { readlinkSync } from 'node:fs';
import type { Logger } from '../core/log.ts';
import { isIdentityAlive } from '../core/process-identity.ts';
import { killProcesses } from './kill-processes.ts';
import type { ProcessEntry } from './process-table.ts';

/**
 * Ends what a worker that died has left running: processes with our marks whose worker is no longer alive.
 * Gives how many were killed. For the start of a worker; harmless at any time and beside other workers.
 */
export async function sweepOrphans({ log }: { readonly log?: Logger | undefined } = {}): Promise<number> {
  const { killed, survivors } = await killProcesses(isOrphan);
  if (killed > 0) log?.warn({ killed }, 'ended processes of a worker that is gone');
  if (survivors.length > 0) {
    log?.error({ pids: survivors.map((entry) => entry.pid) }, 'processes of a worker that is gone could not be ended');
  }
  return killed;
}

function isOrphan({ pid, attemptId, worker }: ProcessEntry): boolean {
  return attemptId !== null && worker !== null && isInOurPidNamespace(pid) && !isIdentityAlive(worker);
}

/** The pid in a mark means something only where it was written: from outside, a container's worker looks dead. */
function isInOurPidNamespace(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`) === readlinkSync('/proc/self/ns/pid');
  } catch {
    return false;
  }
}
