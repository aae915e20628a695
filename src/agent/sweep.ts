import type { Logger } from '../core/log.ts';
import { findPresence } from '../core/process-identity.ts';
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

/** A worker of another container looks dead from here, and is not ours to judge: its mark says where it lives. */
function isOrphan({ attemptId, worker }: ProcessEntry): boolean {
  return attemptId !== null && worker !== null && findPresence(worker) === 'gone';
}
