import { availableParallelism } from 'node:os';
import { findContainment } from '../agent/containment/containment.ts';
import type { Places } from '../agent/containment/places.ts';
import { startReaper } from '../agent/process-tree/reaper.ts';
import { sweepOrphans } from '../agent/process-tree/sweep.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import { inBackground } from '../core/guard.ts';
import { CHANNELS } from '../db/database.ts';
import { createAdmission, type Admission } from './admission.ts';
import { createAgentPlaces } from './agent-places.ts';
import type { AttemptDeps } from './attempt.ts';
import { createClaimer } from './claimer.ts';
import { executeAttempt } from './execute-attempt.ts';
import { readFreeMemory as readSystemMemory } from './free-memory.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';
import { createMachineHolds, type MachineHolds } from './machine-holds.ts';
import { startMaintenance } from './maintenance.ts';
import { watchMemoryEstimates } from './memory-estimate.ts';
import { watchOwnMemory } from './memory-guard.ts';
import { announcePresence } from './presence.ts';
import { createScratchRoot, moveTemporaryFiles, sweepScratch } from './scratch.ts';
import { createSpares, type Spares } from './spares.ts';
import { logUnprotected } from './unprotected.ts';
import { watchStalls, type StallWatch } from './watch-stalls.ts';
import { logFailure, type LeaveReason, type WorkerState } from './worker-state.ts';

/**
 * Opens the parts of a worker, one after another; each adds its end to `closers`. The claimer is the last, so that a
 * run finds everything it needs. `leave` makes the worker drain and leave.
 */
export async function openWorker(state: WorkerState, leave: (reason: LeaveReason) => Promise<void>): Promise<void> {
  const leaveSoon = (reason: LeaveReason) =>
    inBackground(
      () => leave(reason),
      (err) => logFailure(state, err),
    );
  const containment = await replaceEarlierWorker(state);
  const machine = await openMachine(state);
  const slots = await openSlots(state, machine);
  await openPresence(state, {
    ...machine,
    ...slots,
    containment,
    onDrainRequested: () => leaveSoon('drain_requested'),
  });
  await listenForRequests(state);
  const { config, database, queue, log } = state.deps;
  state.closers.push(startMaintenance({ config, database, queue, log }));
  watchGrowth(state, () => leaveSoon('memory'));
  await openClaimer(state, { ...machine, ...slots });
}

/** Removes the remains of an earlier worker on this machine: they must not run beside this worker. */
async function replaceEarlierWorker({ id, deps }: WorkerState): Promise<string> {
  const { config, log, readFreeMemory = readSystemMemory } = deps;
  await sweepOrphans({ log });
  await sweepScratch();
  const found = await findContainment();
  const { kind: containment } = found;
  const { freeBytes, cgroupLimitBytes } = readFreeMemory();
  const { slots } = config.worker;
  log.info({ workerId: id, slots, containment, freeMemoryBytes: freeBytes, cgroupLimitBytes }, 'worker started');
  logUnprotected(log, found);
  return containment;
}

/** The parts that protect the worker and its machine, and the places of its attempts. */
interface MachineParts {
  readonly machine: MachineHolds;
  readonly stalls: StallWatch;
  readonly scratchRoot: string;
  readonly findPlaces: () => Promise<Places>;
}

async function openMachine(state: WorkerState): Promise<MachineParts> {
  const { deps, closers } = state;
  const { config, isAlone, ownsProcess = isAlone, log } = deps;
  const reaper = startReaper({ maxStallSeconds: ownsProcess ? config.worker.maxStallSeconds : null });
  closers.push(() => reaper.dismiss());
  const stalls = watchStalls({ reaper, log });
  closers.push(() => stalls.stop());
  const scratch = createScratchRoot();
  const { path: scratchRoot } = scratch;
  closers.push(scratch.remove);
  const machine = createMachineHolds({
    ensureScratch: scratch.ensure,
    scratchRoot,
    onChange: () => noteChange(state),
    log,
  });
  closers.push(() => machine.stop());
  // A worker whose disk is full starts anyway: it reports the fault, and claims runs when there is room.
  await machine.probe();
  const findPlaces = createAgentPlaces({ config, scratchRoot, env: process.env });
  if (ownsProcess) closers.push(moveTemporaryFiles(scratchRoot));
  return { machine, stalls, scratchRoot, findPlaces };
}

/** Shows a change, and claims runs if there is room for them now. */
function noteChange({ presence, claimer }: WorkerState): void {
  presence?.update();
  claimer?.wake();
}

/** The parts that decide on the use of slots. */
interface SlotParts {
  readonly leases: LeaseKeeper;
  readonly admission: Admission;
  readonly spares: Spares;
}

async function openSlots(state: WorkerState, { machine, scratchRoot, findPlaces }: MachineParts): Promise<SlotParts> {
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
    agents,
    slots,
    gateway,
    claudePath,
    scratchRoot,
    findPlaces,
    dataDir,
    mayStart: (agent) => !machine.holds([agent.name]) && admission.mayStart(agent),
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

interface PresenceParts extends MachineParts, SlotParts {
  readonly containment: string;
  readonly onDrainRequested: () => void;
}

async function openPresence(state: WorkerState, parts: PresenceParts): Promise<void> {
  const { id, deps, closers } = state;
  const { config, database, version, log, readFreeMemory = readSystemMemory } = deps;
  const { machine, admission, spares, stalls, containment, onDrainRequested } = parts;
  const agents = withoutHealthAgent(config.agents).map(({ name }) => name);
  const presence = await announcePresence({
    database,
    worker: { id, version, slots: config.worker.slots, containment, agents },
    readStatus: () => ({
      freeMemoryBytes: readFreeMemory().freeBytes,
      spares: spares.count,
      holdingReason: machine.reason ?? admission.holdingReason,
      fault: machine.reason,
      isDraining: state.isDraining,
      lastStall: stalls.lastStall,
    }),
    onDrainRequested,
    log,
  });
  state.presence = presence;
  closers.push(presence.leave);
}

async function listenForRequests({ deps: { database }, attempts, closers }: WorkerState): Promise<void> {
  closers.push(await database.listen(CHANNELS.cancel, (runId) => attempts.stop(runId, 'cancelled')));
  closers.push(
    await database.listen(
      CHANNELS.messages,
      (runId) => attempts.deliver(runId),
      () => attempts.deliver(),
    ),
  );
}

/** Watches the memory of the worker's own process: a process that serves only the worker can be restarted. */
function watchGrowth({ deps, closers, firstFinished }: WorkerState, leave: () => void): void {
  const { config, isAlone, log, readResidentBytes } = deps;
  const { restartAboveMb } = config.worker;
  closers.push(
    watchOwnMemory({
      limitBytes: restartAboveMb * 1_000_000,
      settled: firstFinished.promise,
      onExceeded: (growth) => {
        const figures = { ...growth, restartAboveMb };
        if (!isAlone) return log.warn(figures, 'this process has grown above worker.restartAboveMb');
        log.warn(figures, 'this worker has grown above worker.restartAboveMb; it leaves so that it is restarted');
        leave();
      },
      readResidentBytes,
    }),
  );
}

async function openClaimer(state: WorkerState, parts: MachineParts & SlotParts): Promise<void> {
  const { id, deps, attempts, firstFinished, leaving } = state;
  const { config, database, queue, gateway, governor, log } = deps;
  const { machine, admission, scratchRoot, findPlaces, leases, spares } = parts;
  const { agents, claudePath, dataDir } = config;
  const attemptDeps: AttemptDeps = {
    database,
    queue,
    rules: config,
    gateway,
    leases,
    spares,
    agents,
    claudePath,
    scratchRoot,
    findPlaces,
    dataDir,
    machine,
    leaving: leaving.promise,
    log,
  };
  const agentsOf = Map.groupBy([...agents.values()], (agent) => agent.queue);
  const isHeld = (name: string) => machine.holds((agentsOf.get(name) ?? []).map((agent) => agent.name));
  state.claimer = await createClaimer({
    ...(governor && { findProviderLimit: governor.findProviderLimit }),
    deps: { database, queue, rules: config, log },
    workerId: id,
    queues: [...agentsOf.keys()],
    agents: new Set(agents.keys()),
    freeSlots: (name) => (state.isDraining || isHeld(name) ? 0 : admission.freeSlots(name)),
    onClaim(claim) {
      const execution = executeAttempt(attemptDeps, claim);
      attempts.hold({ agent: claim.run.agent, execution });
      inBackground(async () => firstFinished.resolve(await execution.done));
    },
  });
}
