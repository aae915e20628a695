import type { Agent } from '../config/config.ts';
import { repeat } from '../core/timers.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Run } from '../run/run.ts';
import { createBackgroundWork } from './background-work.ts';
import { createKeptConversations, type KeptConversations } from './kept-conversations.ts';
import { createPeaks } from './peaks.ts';
import { createSpareStarter, type SpareStarterOptions } from './spare-starter.ts';
import { createWaitingSpares, hasSameLimits, isUnused, type Spare, type WaitingSpare } from './waiting-spares.ts';
import { adoptWorkspace } from './workspace.ts';

/** The pre-started processes of a worker, which spare a run the time of a start. */
export interface Spares {
  readonly count: number;
  /** Number of processes that are still starting. */
  readonly startingCount: number;
  /** Returns the number of ready processes for runs of these agents. */
  readyFor(agents: readonly string[]): number;
  /**
   * Takes a process for the first attempt of a run, or returns null when none fits. The next `reconcile` starts its
   * replacement: when the run has begun to answer, because a start at the same time would delay it.
   */
  take(run: Run, agent: Agent): Promise<WaitingSpare | null>;
  /** Keeps a process that has served a run for the next run of the same user, by the key from `toUserKey`. */
  keep(spare: Spare, userKey: string): void;
  /** The processes that wait with the conversation of a session. */
  readonly conversations: KeptConversations;
  /** Gives up the process that has waited longest, because memory is short, and a process with a conversation first. */
  giveUpOldest(): void;
  /** Starts missing processes, and ends surplus and outdated ones. */
  reconcile(): void;
  /** Ends all processes. After that none is started or taken. */
  stop(): Promise<void>;
}

/** Age at which a waiting process is replaced, because the settings and templates it read may have changed. */
const MAX_AGE_MS = 10 * 60_000;
/** Time after which a process that waits for one user's next run is given up. */
const MAX_IDLE_MS = 2 * 60_000;
const RECONCILE_EVERY_MS = 2_000;

interface SparesOptions extends SpareStarterOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: number;
  /** Returns whether another process may start now: there is memory for it, and not too many are starting. */
  readonly mayStart: (agent: Agent) => boolean;
  /** Returns whether memory is free for another run of the agent, and one more. Defaults to true. */
  readonly hasRoom?: (agent: Agent) => boolean;
  /** Returns the number of attempts that occupy a slot. Defaults to 0. */
  readonly runningCount?: () => number;
  /** Called when a process has become ready or has ended. */
  readonly onChange: () => void;
  /** Age at which a waiting process is replaced, in milliseconds. Defaults to 600,000. */
  readonly maxAgeMs?: number;
}

export function createSpares(options: SparesOptions): Spares {
  const { agents, slots, mayStart, hasRoom = () => true, runningCount = () => 0, onChange } = options;
  const { onFault, maxAgeMs = MAX_AGE_MS, log } = options;
  const onFailure = (err: unknown) => log.warn({ err }, 'a pre-started process could not be ended cleanly');
  const work = createBackgroundWork();
  const peaks = createPeaks();
  const waiting = createWaitingSpares({
    onChange,
    onProblem({ agent }, { fault, detail }) {
      if (fault !== undefined) onFault?.(fault);
      starter.pause(agent, detail);
    },
    onFailure,
    work,
  });
  const onStarted = (spare: Spare) => waiting.add({ ...spare, userKey: null, turn: null });
  const starter = createSpareStarter({ ...options, onStarted });
  const conversations = createKeptConversations({ waiting, slots, runningCount, hasRoom });

  function reconcile(): void {
    if (waiting.isStopped) return;
    const now = performance.now();
    conversations.reconcile();
    for (const spare of waiting.list().filter(({ turn }) => turn === null)) {
      if (now - spare.since > (spare.userKey === null ? maxAgeMs : MAX_IDLE_MS)) waiting.giveUp(spare);
    }
    for (const agent of agents.values()) {
      const freeSlots = slots - runningCount();
      const { most, wanted } = toTargets(agent, { slots, freeSlots, peak: peaks.peakOf(agent.name) });
      const unused = waiting.list().filter((spare) => spare.agent === agent && isUnused(spare));
      for (const spare of unused.slice(most)) waiting.giveUp(spare);
      if (starter.isPaused(agent)) continue;
      const missing = wanted - unused.length - starter.beginningCount(agent);
      for (let count = 0; count < missing && mayStart(agent); count++) work.track(starter.start(agent), onFailure);
    }
  }

  const timer = repeat(RECONCILE_EVERY_MS, reconcile, onFailure);
  reconcile();
  return {
    get count() {
      return waiting.list().length;
    },
    get startingCount() {
      return starter.beginningCount() + waiting.list().filter(({ isReady }) => !isReady).length;
    },
    readyFor: (names) =>
      waiting.list().filter((spare) => spare.isReady && isUnused(spare) && names.includes(spare.agent.name)).length,

    async take(run, agent) {
      peaks.note(agent.name);
      for (const spare of findFitting(waiting.list(), { run, agent })) {
        // Another run may have taken it while this run tried the previous one.
        if (!waiting.take(spare)) continue;
        const adopted = await adoptWorkspace(spare.workspaceDir, { workspace: agent.workspace, run });
        if (adopted === 'adopted') return spare;
        waiting.putBack(spare);
        if (waiting.isStopped || adopted === 'gone' || !spare.process.isFree) waiting.giveUp(spare);
        // The run already has a directory: a waiting process in another directory is of no use to it.
        if (adopted === 'taken') return null;
      }
      return null;
    },

    keep(spare, userKey) {
      const kept = waiting
        .list()
        .filter((other) => other.userKey !== null)
        .sort(byAge);
      for (const other of kept.slice(0, Math.max(0, kept.length - slots + 1))) waiting.giveUp(other);
      waiting.add({ ...spare, userKey, turn: null });
    },

    conversations,

    giveUpOldest() {
      if (conversations.giveUpOldest()) return;
      const [oldest] = waiting.list().sort(byAge);
      if (oldest !== undefined) waiting.giveUp(oldest);
    },

    reconcile,

    async stop() {
      clearInterval(timer);
      waiting.stop();
      await work.ended();
    },
  };
}

/**
 * Returns how many processes may wait for an agent at most, and how many are started: the configured number, or the
 * recent peak. Of a peak no more are started than runs can begin soon: one for each free slot, and one for the slot that
 * becomes free next. So a busy worker does not use its memory twice.
 */
function toTargets(
  { prewarm, limits }: Agent,
  { slots, freeSlots, peak }: { slots: number; freeSlots: number; peak: number },
): { most: number; wanted: number } {
  if (prewarm === null || limits.maxTurns === 0 || limits.maxBudgetUsd === 0) return { most: 0, wanted: 0 };
  const most = Math.max(prewarm, Math.min(slots, peak));
  return { most, wanted: Math.max(prewarm, Math.min(most, freeSlots + 1)) };
}

/**
 * Finds the processes that fit a run, best first: a process that knows the user, then a ready process, then the process
 * that will be ready first.
 */
function findFitting(
  waiting: readonly WaitingSpare[],
  { run, agent }: { readonly run: Run; readonly agent: Agent },
): WaitingSpare[] {
  const fitting = waiting.filter(
    (spare) =>
      spare.agent === agent &&
      spare.turn === null &&
      spare.process.isFree &&
      hasSameLimits(spare.limits, run.limits) &&
      (spare.userKey === null || (agent.isReused && spare.userKey === toUserKey(run))),
  );
  const rank = (spare: WaitingSpare) => (spare.userKey !== null ? 0 : spare.isReady ? 1 : 2);
  return fitting.sort((a, b) => rank(a) - rank(b) || byAge(a, b));
}

const byAge = (a: WaitingSpare, b: WaitingSpare) => a.since - b.since;
