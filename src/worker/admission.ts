import type { Agent } from '../config/config.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Logger } from '../core/log.ts';
import type { FreeMemory } from './free-memory.ts';
import type { MemoryEstimate, MemoryEstimates } from './memory-estimate.ts';

/** An attempt that occupies a slot. */
export interface RunningAttempt {
  readonly agent: string;
  /** True from the claim until the process prints its first message. */
  readonly isStarting: boolean;
  /** Memory that its processes use now; null until it is first measured. */
  readonly residentBytes: () => number | null;
}

/** Pre-started processes that wait for a run. */
export interface WaitingProcesses {
  /** Number of processes that are still starting. */
  readonly startingCount: number;
  /** Returns the number of ready processes for runs of these agents. */
  readyFor(agents: readonly string[]): number;
}

/**
 * Decides how many runs may be claimed. A worker claims only runs that can start at once, and leaves the others to
 * other workers.
 */
export interface Admission {
  /** Returns how many runs of `queue` may be claimed now. */
  freeSlots(queue: string): number;
  /** Returns whether a process may be pre-started for a future run of `agent`. */
  mayStart(agent: Pick<Agent, 'name'>): boolean;
  /** Returns whether memory is free for a run of `agent`, and one more. */
  hasRoom(agent: Pick<Agent, 'name'>): boolean;
  /** The reason why runs stay queued although slots are free, or null. */
  readonly holdingReason: string | null;
}

/** The share of memory that stays free for everything unmeasured: the worker itself, the kernel, other services. */
const HEADROOM = 0.05;

/** Memory that a waiting process already uses of what its run will need: 162 MB resident (measured, 2.1.330). */
const WAITING_BYTES = 160_000_000;

/**
 * Minimum time between two warnings for one queue. A worker at its memory limit stops and resumes claiming with every
 * run that starts and ends, which is not worth a log line.
 */
const SAY_AGAIN_AFTER_MS = 60_000;

interface AdmissionOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: number;
  /** Processes that may start at once. Each start takes 0.85 s of a processor, and too many slow each other down. */
  readonly maxStarts: number;
  readonly running: () => readonly RunningAttempt[];
  /** Defaults to none. */
  readonly waiting?: () => WaitingProcesses | null;
  readonly estimates: Pick<MemoryEstimates, 'of' | 'raise'>;
  readonly readFreeMemory: () => FreeMemory;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Called at each poll of a queue for which memory is short, whether or not a run waits in it. */
  readonly onShort: (queue: string) => void;
  /** Called when the worker stops or resumes claiming runs of a queue. */
  readonly onChange: () => void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { slots, maxStarts, running, waiting = () => null, estimates, log, onShort, onChange } = options;
  const agentsByQueue = Map.groupBy(options.agents.values(), ({ queue }) => queue);
  /** The queues for which memory is short, with the reason. */
  const paused = new Map<string, string>();
  /**
   * The time of the last warning for each queue, and the queues whose warning has not been followed by the all-clear.
   */
  const saidAt = new Map<string, number>();
  const unresolved = new Set<string>();

  return {
    get holdingReason() {
      return paused.size === 0 || running().length >= slots ? null : [...new Set(paused.values())].join('; ');
    },

    freeSlots(queue) {
      const attempts = running();
      for (const { agent, residentBytes } of attempts) estimates.raise(agent, residentBytes() ?? 0);
      const names = (agentsByQueue.get(queue) ?? []).map(({ name }) => name);
      const largest = findLargest(names);
      // The agent of the next run is known only after the claim, so a waiting process counts only where the queue has
      // one agent.
      const ready = names.length === 1 ? (waiting()?.readyFor(names) ?? 0) : 0;
      const free = Math.min(slots - attempts.length, freeStarts() + ready);
      if (free <= 0 || largest === null) return 0;
      const memory = readLeft();
      const fitting = countFitting({ leftBytes: memory.leftBytes, needBytes: largest.bytes, ready });
      if (fitting === 0) onShort(queue);
      note({ queue, isPaused: fitting === 0, largest, memory });
      return Math.min(free, fitting);
    },

    mayStart(agent) {
      // Runs come before pre-started processes: a starting run is not slowed down, and a new run finds room to start.
      const isQuiet = running().every(({ isStarting }) => !isStarting);
      const isOneLeft = (waiting()?.startingCount ?? 0) < Math.max(1, maxStarts - 1);
      // A second process must fit as well, or this one would be given up as soon as a run arrives.
      return isQuiet && isOneLeft && hasRoom(agent);
    },

    hasRoom,
  };

  function hasRoom(agent: Pick<Agent, 'name'>): boolean {
    return readLeft().leftBytes >= 2 * estimates.of(agent.name).bytes;
  }

  function freeStarts(): number {
    const starting = running().filter(({ isStarting }) => isStarting).length;
    return Math.max(0, maxStarts - starting - (waiting()?.startingCount ?? 0));
  }

  function findLargest(names: readonly string[]): LargestAgent | null {
    const needs = names.map((name) => ({ name, ...estimates.of(name) }));
    return needs.length === 0 ? null : needs.reduce((most, one) => (one.bytes > most.bytes ? one : most));
  }

  /** Reads the memory that no running attempt is expected to need. */
  function readLeft() {
    const { freeBytes, limitBytes } = options.readFreeMemory();
    // Running attempts have not taken their whole share yet.
    const growthBytes = running().reduce(
      (sum, { agent, residentBytes }) => sum + Math.max(0, estimates.of(agent).bytes - (residentBytes() ?? 0)),
      0,
    );
    return { freeBytes, growthBytes, leftBytes: Math.max(0, freeBytes - growthBytes - HEADROOM * limitBytes) };
  }

  /** Keeps the reason up to date, and logs when memory becomes short for a queue and when it is free again. */
  function note(found: {
    queue: string;
    isPaused: boolean;
    largest: LargestAgent;
    memory: ReturnType<typeof readLeft>;
  }) {
    const { queue, isPaused, largest, memory } = found;
    // The health check itself reports that it found no room.
    if (queue === HEALTH_AGENT) return;
    const { freeBytes, growthBytes, leftBytes } = memory;
    const reason = `needs ${toMegabytes(largest.bytes)} MB${largest.isMeasured ? '' : ' (assumed)'} for agent "${largest.name}", ${toMegabytes(leftBytes)} MB are free`;
    const wasPaused = paused.has(queue);
    if (isPaused) paused.set(queue, reason);
    else paused.delete(queue);
    if (isPaused === wasPaused) return;
    onChange();
    if (!isPaused) {
      if (unresolved.delete(queue))
        log.info({ queue, freeMemoryBytes: freeBytes }, 'memory is free again: runs are claimed');
    } else if (performance.now() - (saidAt.get(queue) ?? -Infinity) > SAY_AGAIN_AFTER_MS) {
      saidAt.set(queue, performance.now());
      unresolved.add(queue);
      log.warn({ queue, freeMemoryBytes: freeBytes, growthBytes }, `runs stay queued: ${reason}`);
    }
  }
}

/**
 * Returns how many runs fit into memory. The first `ready` runs use a process that already uses a part of its memory.
 */
function countFitting({
  leftBytes,
  needBytes,
  ready,
}: {
  leftBytes: number;
  needBytes: number;
  ready: number;
}): number {
  const growthBytes = Math.max(1, needBytes - WAITING_BYTES);
  const onReady = Math.min(ready, Math.floor(leftBytes / growthBytes));
  if (onReady < ready) return onReady;
  return ready + Math.floor((leftBytes - ready * growthBytes) / needBytes);
}

type LargestAgent = MemoryEstimate & { readonly name: string };

function toMegabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}
