import type { Config } from '../config/config.ts';
import { withoutHealthAgent } from '../config/health-agent.ts';
import type { StateCount } from '../run/read/read-queue-states.ts';
import type { ProviderLimitState } from '../run/waiting/provider-limits.ts';
import type { LiveWorker } from '../run/workers.ts';
import { findLimitedAgents } from './limited-agents.ts';
import { toQueueNeed, toRoom, type QueueNeed, type SlotNeed } from './queue-need.ts';

/** The need for slots, and the slots that there are. */
export interface Scaling extends SlotNeed {
  /** Workers with the configured number of slots for `wantedSlots`. */
  readonly wantedWorkers: number;
  readonly slotsPerWorker: number;
  /** Live workers that claim runs or would if they had memory; draining workers are left out. */
  readonly workers: number;
  readonly slots: number;
  /** Free slots of workers that claim runs. */
  readonly freeSlots: number;
  readonly queues: ReadonlyMap<string, QueueNeed>;
  readonly memory: MemoryNeed;
}

/** The memory that a worker needs, from what attempts really held. */
export interface MemoryNeed {
  /** Memory of a slot: the most that an attempt of the hungriest agent held lately. */
  readonly slotBytes: number;
  /** False when no attempt was measured yet: `slotBytes` is then an assumption. */
  readonly isMeasured: boolean;
  /** Memory of a worker without its slots. */
  readonly workerBytes: number;
}

/** The facts that decide on the need. */
export interface ScalingFacts {
  readonly states: readonly StateCount[];
  readonly pausedQueues: ReadonlySet<string>;
  readonly limits: readonly ProviderLimitState[];
  readonly workers: readonly LiveWorker[];
  readonly memory: MemoryNeed;
}

/** Share of a machine's memory that stays free, as a worker leaves it when it admits runs. */
const HEADROOM = 0.05;

/** Returns how many slots a machine carries. */
export function toSlotsOf(machineBytes: number, { slotBytes, workerBytes }: MemoryNeed): number {
  return Math.max(0, Math.floor((machineBytes * (1 - HEADROOM) - workerBytes) / slotBytes));
}

/** Computes the need for slots. */
export function toScaling(facts: ScalingFacts, config: Config): Scaling {
  const { states, workers } = facts;
  const room = toRoom(states, config);
  const limited = findLimitedAgents(facts.limits, config);
  const byQueue = Map.groupBy(states, ({ queue }) => queue);
  const names = new Set([...withoutHealthAgent(config.agents).map(({ queue }) => queue), ...byQueue.keys()]);
  const needs = new Map<string, QueueNeed>();
  for (const queue of [...names].sort()) {
    const isPaused = facts.pausedQueues.has(queue);
    needs.set(queue, toQueueNeed(byQueue.get(queue) ?? [], { isPaused, limited, room }));
  }
  const sum = (figure: 'running' | 'ready') => [...needs.values()].reduce((total, need) => total + need[figure], 0);
  const waits = [...needs.values()].flatMap(({ oldestWaitSeconds }) => oldestWaitSeconds ?? []);
  const running = sum('running');
  const ready = Math.min(sum('ready'), room.ofAll);
  const working = workers.filter(({ isDraining }) => !isDraining);
  const slotsPerWorker = config.worker.slots;
  return {
    wantedSlots: running + ready,
    wantedWorkers: Math.ceil((running + ready) / slotsPerWorker),
    running,
    ready,
    oldestWaitSeconds: waits.length === 0 ? null : Math.max(...waits),
    slotsPerWorker,
    workers: working.length,
    slots: working.reduce((total, { slots }) => total + slots, 0),
    freeSlots: working
      .filter(({ holdingReason }) => holdingReason === null)
      .reduce((total, worker) => total + Math.max(0, worker.slots - worker.running), 0),
    queues: needs,
    memory: facts.memory,
  };
}
