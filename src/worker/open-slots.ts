import { availableParallelism } from 'node:os';
import { inBackground } from '../core/guard.ts';
import { createAdmission, type Admission } from './admission.ts';
import { readFreeMemory as readSystemMemory } from './free-memory.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';
import { watchMemoryEstimates } from './memory-estimate.ts';
import type { MachineParts } from './open-machine.ts';
import { createSpares, type Spares } from './spares.ts';
import { logFailure, noteChange, servedAgents, type WorkerState } from './worker-state.ts';

/** The parts that decide on the use of slots. */
export interface SlotParts {
  readonly leases: LeaseKeeper;
  readonly admission: Admission;
  readonly spares: Spares;
}

/** Opens the leases, the admission and the pre-started processes. */
export async function openSlots(
  state: WorkerState,
  { machine, scratchRoot, findPlaces, sandboxHost, spawner }: MachineParts,
): Promise<SlotParts> {
  const { deps, closers, attempts } = state;
  const { config, database, gateway, log, readFreeMemory = readSystemMemory } = deps;
  const { agents, claudePath, dataDir } = config;
  const { slots } = config.worker;
  const leases = createLeaseKeeper({ database, log });
  closers.push(() => leases.stop());
  const estimates = await watchMemoryEstimates({ database, agents, log });
  closers.push(() => estimates.stop());
  const admission = createAdmission({
    agents,
    slots,
    maxStarts: Math.max(2, availableParallelism()),
    running: attempts.list,
    waiting: () => state.spares,
    estimates,
    readFreeMemory,
    log,
    onShort: (name) =>
      inBackground(
        () => makeRoom(state, name),
        (err) => logFailure(state, err),
      ),
    onChange: () => state.presence?.update(),
  });
  const spares = createSpares({
    agents: servedAgents(deps),
    slots,
    gateway,
    claudePath,
    scratchRoot,
    findPlaces,
    sandboxHost,
    spawner,
    dataDir,
    exportsSpans: config.tracing.agentSpans,
    hasRoom: admission.hasRoom,
    runningCount: () => attempts.count,
    mayStart: (agent) => !machine.isPaused([agent.name]) && admission.mayStart(agent),
    onFault: machine.note,
    onChange: () => noteChange(state),
    log,
  });
  state.spares = spares;
  closers.push(spares.stop);
  return { leases, admission, spares };
}

/** Gives up a waiting process for a run that waits; does nothing for an empty queue. */
async function makeRoom({ spares, deps }: WorkerState, queueName: string): Promise<void> {
  if (spares === null || spares.count === 0) return;
  const [depth] = await deps.queue.depth([queueName]).catch(() => []);
  if (depth !== undefined && depth.waiting > 0) spares.giveUpOldest();
}
