import type { Agent } from '../config/config.ts';
import type { KeptTurn } from './kept-turn.ts';
import type { Spare, WaitingSpare, WaitingSpares } from './waiting-spares.ts';

/** The processes of a worker that wait with the conversation of a session, for its next run. */
export interface KeptConversations {
  /** Returns whether a process of the agent may wait now: the worker goes on, and memory is not short. */
  mayKeep(agent: Agent): boolean;
  /** Lets a process wait for the session's next run. At most as many wait as there are free slots. */
  keep(spare: Spare, turn: KeptTurn): void;
  /** Takes the process that waits for the session's next run, or returns null. The caller checks that it still fits. */
  take(sessionId: string): WaitingSpare | null;
  /** Gives up the process that has waited longest. Returns false when there is none. */
  giveUpOldest(): boolean;
  /** Gives up processes that have waited too long, that are in the way of others, or that others began to use. */
  reconcile(): void;
}

interface KeptConversationsOptions {
  readonly waiting: WaitingSpares;
  readonly slots: number;
  /** Returns the number of attempts that occupy a slot. */
  readonly runningCount: () => number;
  /** Returns whether memory is free for another run of the agent, and one more. */
  readonly hasRoom: (agent: Agent) => boolean;
}

export function createKeptConversations(options: KeptConversationsOptions): KeptConversations {
  const { waiting, slots, runningCount, hasRoom } = options;

  function list(): WaitingSpare[] {
    return waiting
      .list()
      .filter(({ turn }) => turn !== null)
      .sort((a, b) => a.since - b.since);
  }

  function giveUpAllBut(count: number): void {
    const kept = list();
    for (const spare of kept.slice(0, Math.max(0, kept.length - count))) waiting.giveUp(spare);
  }

  function giveUpOldest(): boolean {
    const [oldest] = list();
    if (oldest !== undefined) waiting.giveUp(oldest);
    return oldest !== undefined;
  }

  return {
    mayKeep: (agent) => !waiting.isStopped && hasRoom(agent),
    keep(spare, turn) {
      // The attempt that hands it over still occupies its slot.
      giveUpAllBut(Math.max(0, slots - runningCount()));
      waiting.add({ ...spare, userKey: null, turn });
    },
    take(sessionId) {
      const kept = list().find(({ turn }) => turn?.sessionId === sessionId);
      return kept !== undefined && waiting.take(kept) ? kept : null;
    },
    giveUpOldest,
    reconcile() {
      const now = performance.now();
      for (const spare of list()) {
        const isOver = now - spare.since > spare.agent.keepWarmSeconds * 1_000;
        if (isOver || !spare.process.isFree) waiting.giveUp(spare);
      }
      giveUpAllBut(Math.max(0, slots - runningCount()));
      // At most a single process each time: its memory is free by the next.
      const [oldest] = list();
      if (oldest !== undefined && !hasRoom(oldest.agent)) waiting.giveUp(oldest);
    },
  };
}
