import { findContainment } from '../agent/containment/containment.ts';
import type { Places } from '../agent/containment/places.ts';
import type { SandboxHost } from '../agent/sandbox/sandbox-host.ts';
import { findControlGroups } from '../agent/sandbox/control-groups.ts';
import { findSandbox } from '../agent/sandbox/sandbox.ts';
import { startReaper } from '../agent/process-tree/reaper.ts';
import { sweepOrphans } from '../agent/process-tree/sweep.ts';
import { openSpawner, type Spawner } from '../agent/spawner/spawner.ts';
import { createAgentPlaces } from './agent-places.ts';
import { readFreeMemory as readSystemMemory } from './free-memory.ts';
import { createMachinePauses, type MachinePauses } from './machine-pauses.ts';
import { reportSandboxes } from './report-sandboxes.ts';
import { openSandboxes } from './sandboxes.ts';
import { createScratchRoot, moveTemporaryFiles, sweepScratch } from './scratch.ts';
import { logUnprotected } from './unprotected.ts';
import { watchStalls, type StallWatch } from './watch-stalls.ts';
import { noteChange, servedAgents, type WorkerState } from './worker-state.ts';

/** No agent asks for a sandbox. */
const NO_SANDBOX = { missing: 'not looked for' };

/**
 * Removes the remains of an earlier worker on this machine, which must not run beside this worker. Returns the kind of
 * containment that the machine allows.
 */
export async function replaceEarlierWorker({ id, deps }: WorkerState): Promise<string> {
  const { config, log, readFreeMemory = readSystemMemory } = deps;
  await sweepOrphans({ log });
  await sweepScratch();
  const agents = [...servedAgents(deps).values()];
  const needsSandbox = agents.some(({ sandbox }) => sandbox !== null);
  const [found, sandbox] = await Promise.all([findContainment(), needsSandbox ? findSandbox() : NO_SANDBOX]);
  const { kind: containment } = found;
  const { freeBytes, cgroupLimitBytes } = readFreeMemory();
  const { slots } = config.worker;
  const hasSandbox = 'kind' in sandbox;
  const controlGroups = hasSandbox ? ((await findControlGroups())?.controllers ?? []) : [];
  const facts = { workerId: id, slots, containment, sandbox: hasSandbox ? sandbox.kind : 'none', controlGroups };
  log.info({ ...facts, freeMemoryBytes: freeBytes, cgroupLimitBytes }, 'worker started');
  reportSandboxes({ agents, found: sandbox, containment, log });
  logUnprotected(log, found);
  return containment;
}

/** The parts that protect the worker and its machine, and the places of its attempts. */
export interface MachineParts {
  readonly machine: MachinePauses;
  readonly stalls: StallWatch;
  readonly scratchRoot: string;
  readonly findPlaces: () => Promise<Places>;
  readonly sandboxHost: SandboxHost;
  readonly spawner: Spawner;
}

/** Opens the reaper, the watch of the machine, and the directories of attempts. */
export async function openMachine(state: WorkerState): Promise<MachineParts> {
  const { deps, closers } = state;
  const { config, isAlone, ownsProcess = isAlone, log } = deps;
  const reaper = startReaper({ maxStallSeconds: ownsProcess ? config.worker.maxStallSeconds : null });
  closers.push(() => reaper.dismiss());
  const stalls = watchStalls({ reaper, log });
  closers.push(() => stalls.stop());
  const scratch = createScratchRoot();
  const { path: scratchRoot } = scratch;
  closers.push(scratch.remove);
  const machine = createMachinePauses({
    ensureScratch: scratch.ensure,
    scratchRoot,
    onChange: () => noteChange(state),
    log,
  });
  closers.push(() => machine.stop());
  // A worker whose disk is full starts anyway: it reports the fault, and claims runs when there is room.
  await machine.probe();
  const sandboxes = openSandboxes({ gateway: deps.gateway, log });
  closers.push(() => sandboxes.close());
  const findPlaces = createAgentPlaces({ config, scratchRoot, env: process.env });
  if (ownsProcess) closers.push(moveTemporaryFiles(scratchRoot));
  const spawner = openSpawner();
  closers.push(() => spawner.close());
  return { machine, stalls, scratchRoot, findPlaces, sandboxHost: sandboxes, spawner };
}
