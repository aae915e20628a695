import { availableParallelism } from 'node:os';
import { findContainment } from '../agent/containment.ts';
import { startReaper } from '../agent/reaper.ts';
import { inBackground } from '../core/guard.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { sweepOrphans } from '../agent/sweep.ts';
import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import { createId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import { createAdmission } from './admission.ts';
import { createAgentPlaces } from './agent-places.ts';
import { createClaimer, type Claimer } from './claimer.ts';
import { executeAttempt } from './execute-attempt.ts';
import { readFreeMemory as readSystemMemory, type FreeMemory } from './free-memory.ts';
import type { Governor } from './governor.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { createMachineHolds } from './machine-holds.ts';
import { startMaintenance } from './maintenance.ts';
import { watchMemoryEstimates } from './memory-estimate.ts';
import { watchOwnMemory } from './memory-guard.ts';
import { announcePresence, type Presence } from './presence.ts';
import { createRunningAttempts } from './running-attempts.ts';
import { createScratchRoot, moveTemporaryFiles, sweepScratch } from './scratch.ts';
import { createSpares, type Spares } from './spares.ts';
import { logUnprotected } from './unprotected.ts';
import { watchStalls } from './watch-stalls.ts';

interface WorkerDeps {
  /** The worker's id, a UUID. Defaults to a new one. */
  readonly id?: string;
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly gateway: Gateway;
  /** The known limits of the provider. Without it each run meets them itself. */
  readonly governor?: Pick<Governor, 'findProviderLimit'>;
  readonly version: string;
  /** True when the process serves only the worker, and may end when the worker does. */
  readonly isAlone: boolean;
  /** True when the process is Longhaul's own, so that its temporary files may be moved. Defaults to `isAlone`. */
  readonly ownsProcess?: boolean;
  readonly log: Logger;
  /** Reads the memory that new processes may take. Defaults to the system's figure. */
  readonly readFreeMemory?: () => FreeMemory;
  /** Reads the resident memory of this process. Defaults to the system's figure. */
  readonly readResidentBytes?: () => number;
}

/** The reason why a worker left although its process was not asked to stop. */
export type LeaveReason = 'drain_requested' | 'memory';

/** A process's slots: claims runs and executes them until it is stopped. */
export interface Worker {
  readonly id: string;
  readonly runningCount: number;
  /**
   * Resolves when the worker has drained and left without `stop`: an operator asked over HTTP, or its process has grown
   * too large.
   */
  readonly left: Promise<LeaveReason>;
  start(): Promise<void>;
  /** Claims no more runs, and resolves when its runs are finished; false when some are unfinished after `timeoutMs`. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Ends the runs it still has, queues them again, then leaves. */
  stop(): Promise<void>;
}

export function createWorker(options: WorkerDeps): Worker {
  const { config, database, queue, gateway, version, isAlone, ownsProcess = isAlone, log } = options;
  const { readFreeMemory = readSystemMemory, readResidentBytes, governor } = options;
  const { id = createId() } = options;
  const attempts = createRunningAttempts(() => claimer?.wake());
  const closers: (() => Promise<void> | void)[] = [];
  const firstFinished = Promise.withResolvers<void>();
  const left = Promise.withResolvers<LeaveReason>();
  const leaving = Promise.withResolvers<void>();
  let claimer: Claimer | null = null;
  let presence: Presence | null = null;
  let spares: Spares | null = null;
  let isDraining = false;
  let starting: Promise<void> | null = null;
  let stopping: Promise<void> | null = null;

  const onFailure = (err: unknown) => log.error({ err }, 'a background task of the worker failed');

  async function open(): Promise<void> {
    // Remains of an earlier worker on this machine are removed first: they must not run beside this worker.
    await sweepOrphans({ log });
    await sweepScratch();
    const found = await findContainment();
    const { kind: containment } = found;
    const { freeBytes, cgroupLimitBytes } = readFreeMemory();
    const { slots } = config.worker;
    log.info({ workerId: id, slots, containment, freeMemoryBytes: freeBytes, cgroupLimitBytes }, 'worker started');
    logUnprotected(log, found);
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
      onChange() {
        presence?.update();
        claimer?.wake();
      },
      log,
    });
    closers.push(() => machine.stop());
    // A worker whose disk is full starts anyway: it reports the fault, and claims runs when there is room.
    await machine.look();
    const findPlaces = createAgentPlaces({ config, scratchRoot, env: process.env });
    if (ownsProcess) closers.push(moveTemporaryFiles(scratchRoot));

    const leases = createLeaseKeeper({ database, log });
    closers.push(() => leases.stop());
    const estimates = await watchMemoryEstimates({ database, agents: config.agents, log });
    closers.push(() => estimates.stop());
    const admission = createAdmission({
      agents: config.agents,
      slots,
      maxStarts: Math.max(2, availableParallelism()),
      running: attempts.list,
      waiting: () => spares,
      estimates,
      readFreeMemory,
      log,
      onShort: (name) => inBackground(() => makeRoom(name), onFailure),
      onChange: () => presence?.update(),
    });
    spares = createSpares({
      agents: config.agents,
      slots,
      gateway,
      claudePath: config.claudePath,
      scratchRoot,
      findPlaces,
      dataDir: config.dataDir,
      mayStart: (agent) => !machine.holds([agent.name]) && admission.mayStart(agent),
      onFault: machine.note,
      onChange: () => {
        presence?.update();
        claimer?.wake();
      },
      log,
    });
    const { stop: endSpares } = spares;
    closers.push(endSpares);
    presence = await announcePresence({
      database,
      worker: { id, version, slots, containment, agents: withoutHealthAgent(config.agents).map(({ name }) => name) },
      readStatus: () => ({
        freeMemoryBytes: readFreeMemory().freeBytes,
        spares: spares?.count ?? 0,
        holdingReason: machine.reason ?? admission.holdingReason,
        fault: machine.reason,
        isDraining,
        lastStall: stalls.lastStall,
      }),
      onDrainRequested: () => inBackground(() => leave('drain_requested'), onFailure),
      log,
    });
    const { leave: withdraw } = presence;
    closers.push(withdraw);

    closers.push(await database.listen(CHANNELS.cancel, (runId) => attempts.stop(runId, 'cancelled')));
    closers.push(
      await database.listen(
        CHANNELS.messages,
        (runId) => attempts.deliver(runId),
        () => attempts.deliver(),
      ),
    );
    closers.push(startMaintenance({ config, database, queue, log }));
    closers.push(
      watchOwnMemory({
        limitBytes: config.worker.restartAboveMb * 1_000_000,
        settled: firstFinished.promise,
        onExceeded: (growth) => {
          const figures = { ...growth, restartAboveMb: config.worker.restartAboveMb };
          if (!isAlone) return log.warn(figures, 'this process has grown above worker.restartAboveMb');
          log.warn(figures, 'this worker has grown above worker.restartAboveMb; it leaves so that it is restarted');
          inBackground(() => leave('memory'), onFailure);
        },
        readResidentBytes,
      }),
    );

    const deps = {
      database,
      queue,
      rules: config,
      gateway,
      leases,
      spares,
      agents: config.agents,
      claudePath: config.claudePath,
      scratchRoot,
      findPlaces,
      dataDir: config.dataDir,
      machine,
      leaving: leaving.promise,
      log,
    };
    const agentsOf = Map.groupBy([...config.agents.values()], ({ queue }) => queue);
    const isHeld = (name: string) => machine.holds((agentsOf.get(name) ?? []).map((agent) => agent.name));
    claimer = await createClaimer({
      ...(governor && { findProviderLimit: governor.findProviderLimit }),
      deps: { database, queue, rules: config, log },
      workerId: id,
      queues: [...new Set([...config.agents.values()].map((agent) => agent.queue))],
      agents: new Set(config.agents.keys()),
      freeSlots: (name) => (isDraining || isHeld(name) ? 0 : admission.freeSlots(name)),
      onClaim(claim) {
        const execution = executeAttempt(deps, claim);
        attempts.hold({ agent: claim.run.agent, execution });
        inBackground(async () => firstFinished.resolve(await execution.done));
      },
    });
  }

  /** Gives up a waiting process for a run that waits; does nothing for an empty queue. */
  async function makeRoom(queueName: string): Promise<void> {
    if (spares === null || spares.count === 0) return;
    const [depth] = await queue.depth([queueName]).catch(() => []);
    if (depth !== undefined && depth.waiting > 0) spares.shed();
  }

  async function drain(timeoutMs: number): Promise<boolean> {
    isDraining = true;
    leaving.resolve();
    presence?.update();
    await claimer?.stop();
    // No run will use them any more.
    if (spares !== null) inBackground(spares.stop, onFailure);
    attempts.stopHolding();
    log.info({ workerId: id, runs: attempts.count }, 'draining: no more runs are claimed');
    const isDrained = await settlesWithin(attempts.ended(), timeoutMs);
    if (isDrained) log.info({ workerId: id }, 'drained');
    return isDrained;
  }

  async function close(): Promise<void> {
    isDraining = true;
    leaving.resolve();
    await claimer?.stop();
    if (attempts.count > 0) log.info({ workerId: id, runs: attempts.count }, 'handing back the runs in progress');
    attempts.stopAll('handed_back');
    await attempts.ended();
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve(close()).catch((error: unknown) =>
        log.warn({ err: error }, 'the worker could not leave cleanly'),
      );
    }
  }

  const stop = () => (stopping ??= close());

  /** Does what SIGTERM does, for this worker alone. */
  async function leave(reason: LeaveReason): Promise<void> {
    if (isDraining) return;
    isDraining = true;
    await starting?.catch(() => {}); // The caller of `start` receives the error.
    await drain(config.worker.drainTimeoutSeconds * 1_000);
    await stop();
    left.resolve(reason);
  }

  return {
    id,
    get runningCount() {
      return attempts.count;
    },
    left: left.promise,
    start: () => (starting ??= open()),
    drain,
    stop,
  };
}
