import type { Config } from '../config/config.ts';
import type { StateCount } from '../run/read/read-queue-states.ts';

/** The need for slots: of the fleet, or of one queue. */
export interface SlotNeed {
  /** Slots that would be in use if there were enough of them: `running` and `ready`. */
  readonly wantedSlots: number;
  readonly running: number;
  /** Runs that another slot would let begin. */
  readonly ready: number;
  /** Time for which the oldest ready run waits; null when none does. */
  readonly oldestWaitSeconds: number | null;
}

/** The reasons for which runs are queued or waiting. `paused`: their queue is paused. */
export const QUEUE_STATES = ['ready', 'delayed', 'held', 'limited', 'paused', 'budget', 'approval'] as const;
export type QueueState = (typeof QUEUE_STATES)[number];

export interface QueueNeed extends SlotNeed {
  readonly states: Readonly<Record<QueueState, number>>;
}

/** The number of runs that concurrency limits let begin; infinite without a limit. */
export interface Room {
  readonly ofAgent: (agent: string) => number;
  readonly ofAll: number;
}

export function toRoom(states: readonly StateCount[], { agents, limits }: Config): Room {
  const running = states.filter(({ state }) => state === 'running');
  const left = (limit: number | null, counts: readonly StateCount[]) =>
    limit === null ? Infinity : Math.max(0, limit - counts.reduce((sum, { runs }) => sum + runs, 0));
  return {
    ofAgent: (name) =>
      left(
        agents.get(name)?.concurrent ?? null,
        running.filter(({ agent }) => agent === name),
      ),
    ofAll: left(limits.global.concurrent, running),
  };
}

interface NeedOptions {
  readonly isPaused: boolean;
  /** Agents whose provider limits them. */
  readonly limited: ReadonlySet<string>;
  readonly room: Room;
}

/**
 * Computes the need of a queue. Leaves out the runs that another slot would not help, since a worker that is started
 * for them would stand idle: during an outage of a provider the fleet would grow to its maximum.
 */
export function toQueueNeed(counts: readonly StateCount[], { isPaused, limited, room }: NeedOptions): QueueNeed {
  const states = { ready: 0, delayed: 0, held: 0, limited: 0, paused: 0, budget: 0, approval: 0 };
  let running = 0;
  let oldestWaitSeconds: number | null = null;
  for (const count of counts) {
    const { agent, state, runs } = count;
    if (state === 'running') running += runs;
    else if (state !== 'ready') states[state] += runs;
    else if (isPaused) states.paused += runs;
    else if (limited.has(agent)) states.limited += runs;
    else {
      // The next claim of the others will hold them.
      const ready = Math.min(count.startable, room.ofAgent(agent));
      states.ready += ready;
      states.held += runs - ready;
      if (ready > 0) oldestWaitSeconds = Math.max(oldestWaitSeconds ?? 0, count.oldestWaitSeconds ?? 0);
    }
  }
  return { wantedSlots: running + states.ready, running, ready: states.ready, oldestWaitSeconds, states };
}
