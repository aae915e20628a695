import type { Logger } from '../../core/log.ts';
import { findPresence } from '../../core/process-identity.ts';
import { killProcesses } from './kill-processes.ts';
import type { ProcessEntry } from './process-table.ts';

/**
 * Ends the remaining processes of dead workers: processes with our marks whose worker is no longer alive. Returns how
 * many were killed. For the start of a worker; harmless at any time and beside other workers.
 */
export async function sweepOrphans({ log }: { readonly log?: Logger | undefined } = {}): Promise<number> {
  const { killed, survivors } = await killProcesses(isOrphan);
  if (killed > 0) log?.warn({ killed }, 'ended processes of a dead worker');
  if (survivors.length > 0) {
    log?.error({ pids: survivors.map((entry) => entry.pid) }, 'processes of a dead worker could not be ended');
  }
  return killed;
}

/** A worker of another container looks dead from here, but must not be judged here: its mark says where it runs. */
function isOrphan({ attemptId, worker }: ProcessEntry): boolean {
  return attemptId !== null && worker !== null && findPresence(worker) === 'gone';
}
