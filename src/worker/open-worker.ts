import { withoutHealthAgent } from '../config/health-agent.ts';
import { toPoolSize } from '../config/pool-size.ts';
import { inBackground } from '../core/guard.ts';
import { CHANNELS } from '../db/database.ts';
import type { AttemptDeps } from './attempt.ts';
import { createClaimer } from './claimer.ts';
import { executeAttempt } from './execute-attempt.ts';
import { readFreeMemory as readSystemMemory } from './free-memory.ts';
import { startMaintenance } from './maintenance.ts';
import { watchOwnMemory } from './memory-guard.ts';
import { openMachine, replaceEarlierWorker, type MachineParts } from './open-machine.ts';
import { openSlots, type SlotParts } from './open-slots.ts';
import { announcePresence } from './presence.ts';
import { logFailure, servedAgents, type LeaveReason, type WorkerState } from './worker-state.ts';

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

interface PresenceParts extends MachineParts, SlotParts {
  readonly containment: string;
  readonly onDrainRequested: () => void;
}

async function openPresence(state: WorkerState, parts: PresenceParts): Promise<void> {
  const { id, deps, closers } = state;
  const { config, database, version, isAlone, log, readFreeMemory = readSystemMemory } = deps;
  const { machine, admission, spares, stalls, containment, onDrainRequested } = parts;
  const served = servedAgents(deps);
  const agents = withoutHealthAgent(served).map(({ name }) => name);
  const queues = [...new Set([...served.values()].map(({ queue }) => queue))];
  const pool_size = toPoolSize(config, { isWorkerAlone: isAlone });
  const presence = await announcePresence({
    database,
    worker: { id, version, slots: config.worker.slots, containment, agents, queues, pool_size },
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
  const { machine, admission, scratchRoot, findPlaces, sandboxHost, spawner, leases, spares } = parts;
  const { agents, managedAgents, claudePath, dataDir } = config;
  const attemptDeps: AttemptDeps = {
    database,
    queue,
    rules: config,
    gateway,
    leases,
    spares,
    agents,
    managedAgents,
    claudePath,
    scratchRoot,
    findPlaces,
    sandboxHost,
    spawner,
    dataDir,
    machine,
    agentSpans: config.tracing.agentSpans,
    leaving: leaving.promise,
    log,
  };
  const served = servedAgents(deps);
  const agentsOf = Map.groupBy([...served.values()], (agent) => agent.queue);
  const isPaused = (name: string) => machine.isPaused((agentsOf.get(name) ?? []).map((agent) => agent.name));
  state.claimer = await createClaimer({
    ...(governor && { findProviderLimit: governor.findProviderLimit }),
    deps: { database, queue, rules: config, log },
    workerId: id,
    queues: [...agentsOf.keys()],
    agents: new Set(served.keys()),
    freeSlots: (name) => (state.isDraining || isPaused(name) ? 0 : admission.freeSlots(name)),
    onClaim(claim) {
      const execution = executeAttempt(attemptDeps, claim);
      attempts.add({ agent: claim.run.agent, execution });
      inBackground(async () => firstFinished.resolve(await execution.done));
    },
  });
}
