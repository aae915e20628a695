import type { Agent } from '../config/config.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Logger } from '../core/log.ts';
import type { FreeMemory } from './free-memory.ts';
import type { MemoryEstimate, MemoryEstimates } from './memory-estimate.ts';

/** An attempt that holds a slot. */
export interface RunningAttempt {
  readonly agent: string;
  /** From its claim to the first word of its process. */
  readonly isStarting: boolean;
  /** What its processes hold now; null while nobody has looked. */
  readonly residentBytes: () => number | null;
}

/** Processes started beforehand that wait for a run. */
export interface WaitingProcesses {
  /** Those that are still in their start. */
  readonly startingCount: number;
  /** How many wait, ready, for a run of one of these agents. */
  readyFor(agents: readonly string[]): number;
}

/** Says how many runs may be claimed: only those that can start at once, so that others are left to another worker. */
export interface Admission {
  /** How many runs of `queue` may be claimed now. */
  freeSlots(queue: string): number;
  /** Whether a process may be started for a run of `agent` that has not come yet. */
  mayStart(agent: Pick<Agent, 'name'>): boolean;
  /** Why runs are left queued though there are slots, or null. */
  readonly holdingReason: string | null;
}

/** What stays free for all that is not measured: the worker itself, the kernel, other services. */
const HEADROOM = 0.05;

/** What a process that waits holds already, of what its run will need: 162 MB resident (measured, 2.1.330). */
const WAITING_BYTES = 160_000_000;

/** A worker at the edge of its memory holds and takes runs in turn, with every run that starts and ends: no news. */
const SAY_AGAIN_AFTER_MS = 60_000;

interface AdmissionOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: number;
  /** Processes that may be in their start at once: each takes 0.85 s of a processor, and too many starve one another. */
  readonly maxStarts: number;
  readonly running: () => readonly RunningAttempt[];
  /** Defaults to none. */
  readonly waiting?: () => WaitingProcesses | null;
  readonly estimates: Pick<MemoryEstimates, 'of' | 'raise'>;
  readonly readFreeMemory: () => FreeMemory;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Called at each look at a queue that memory is short for, whether a run waits in it or not. */
  readonly onShort: (queue: string) => void;
  /** Called when it begins or ends to hold runs of a queue. */
  readonly onChange: () => void;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { slots, maxStarts, running, waiting = () => null, estimates, log, onShort, onChange } = options;
  const agentsByQueue = Map.groupBy(options.agents.values(), ({ queue }) => queue);
  /** The queues that memory is short for, with the reason. */
  const held = new Map<string, string>();
  /** When the log was told last that a queue is held, and the queues of which it was not told yet that they no longer are. */
  const saidAt = new Map<string, number>();
  const unresolved = new Set<string>();

  return {
    get holdingReason() {
      return held.size === 0 || running().length >= slots ? null : [...new Set(held.values())].join('; ');
    },

    freeSlots(queue) {
      const attempts = running();
      for (const { agent, residentBytes } of attempts) estimates.raise(agent, residentBytes() ?? 0);
      const names = (agentsByQueue.get(queue) ?? []).map(({ name }) => name);
      const largest = findLargest(names);
      // Which agent the next run is for is only known when it is claimed: a process that waits counts where there is one.
      const ready = names.length === 1 ? (waiting()?.readyFor(names) ?? 0) : 0;
      const free = Math.min(slots - attempts.length, freeStarts() + ready);
      if (free <= 0 || largest === null) return 0;
      const memory = readLeft();
      const fitting = countFitting({ leftBytes: memory.leftBytes, needBytes: largest.bytes, ready });
      if (fitting === 0) onShort(queue);
      note({ queue, isHeld: fitting === 0, largest, memory });
      return Math.min(free, fitting);
    },

    mayStart(agent) {
      // Runs go before what only may be needed: one in its start is not slowed, and one that comes finds room to.
      const isQuiet = running().every(({ isStarting }) => !isStarting);
      const isOneLeft = (waiting()?.startingCount ?? 0) < Math.max(1, maxStarts - 1);
      // Room for one more beside it, or it would be given up as soon as a run comes.
      return isQuiet && isOneLeft && readLeft().leftBytes >= 2 * estimates.of(agent.name).bytes;
    },
  };

  function freeStarts(): number {
    const starting = running().filter(({ isStarting }) => isStarting).length;
    return Math.max(0, maxStarts - starting - (waiting()?.startingCount ?? 0));
  }

  function findLargest(names: readonly string[]): LargestAgent | null {
    const needs = names.map((name) => ({ name, ...estimates.of(name) }));
    return needs.length === 0 ? null : needs.reduce((most, one) => (one.bytes > most.bytes ? one : most));
  }

  /** Memory that is not spoken for. */
  function readLeft() {
    const { freeBytes, limitBytes } = options.readFreeMemory();
    // What runs has not taken its whole share yet.
    const growthBytes = running().reduce(
      (sum, { agent, residentBytes }) => sum + Math.max(0, estimates.of(agent).bytes - (residentBytes() ?? 0)),
      0,
    );
    return { freeBytes, growthBytes, leftBytes: Math.max(0, freeBytes - growthBytes - HEADROOM * limitBytes) };
  }

  /** Keeps the reason up to date, and says in the log when a queue begins to be held, and when it no longer is. */
  function note(found: { queue: string; isHeld: boolean; largest: LargestAgent; memory: ReturnType<typeof readLeft> }) {
    const { queue, isHeld, largest, memory } = found;
    // The check of health says by itself that it found no room.
    if (queue === HEALTH_AGENT) return;
    const { freeBytes, growthBytes, leftBytes } = memory;
    const reason = `needs ${toMegabytes(largest.bytes)} MB${largest.isMeasured ? '' : ' (assumed)'} for agent "${largest.name}", ${toMegabytes(leftBytes)} MB are free`;
    const wasHeld = held.has(queue);
    if (isHeld) held.set(queue, reason);
    else held.delete(queue);
    if (isHeld === wasHeld) return;
    onChange();
    if (!isHeld) {
      if (unresolved.delete(queue))
        log.info({ queue, freeMemoryBytes: freeBytes }, 'there is memory again: runs are taken');
    } else if (performance.now() - (saidAt.get(queue) ?? -Infinity) > SAY_AGAIN_AFTER_MS) {
      saidAt.set(queue, performance.now());
      unresolved.add(queue);
      log.warn({ queue, freeMemoryBytes: freeBytes, growthBytes }, `runs stay queued: ${reason}`);
    }
  }
}

/** How many runs memory has room for. The first `ready` find a process that has taken a part of it already. */
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
