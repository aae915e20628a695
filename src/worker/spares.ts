import { startClaude, type ClaudeProcess, type ClaudeSpec } from '../agent/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';
import { createId } from '../core/ids.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Logger } from '../core/log.ts';
import { findMachineFault, type MachineFault } from '../core/machine-fault.ts';
import { repeat } from '../core/timers.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Gateway, GatewayLane } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import { createDemand } from './demand.ts';
import { adoptWorkspace, prepareSpareWorkspace, removeSpareWorkspace } from './workspace.ts';

/** A process that waits for a prompt, with the token and the directory with which it was started. */
export interface Spare {
  readonly process: ClaudeProcess;
  readonly lane: GatewayLane;
  readonly agent: Agent;
  /** The limits with which it was started; they apply for its whole life. */
  readonly limits: RunLimits;
  readonly workspaceDir: string;
}

/** The pre-started processes of a worker, which spare a run the time of a start. */
export interface Spares {
  readonly count: number;
  /** Number of processes that are still starting. */
  readonly startingCount: number;
  /** Returns the number of ready processes for runs of these agents. */
  readyFor(agents: readonly string[]): number;
  /**
   * Takes a process for the first attempt of a run, or returns null when none fits. The next `look` starts its
   * replacement: when the run has begun to answer, because a start at the same time would delay it.
   */
  take(run: Run, agent: Agent): Promise<Spare | null>;
  /** Keeps a process that has served a run for the next run of the same user, by the key from `toUserKey`. */
  keep(spare: Spare, userKey: string): void;
  /** Gives up the process that has waited longest, because memory is short. */
  shed(): void;
  /** Starts missing processes, and ends surplus and outdated ones. */
  look(): void;
  /** Ends all processes. After that none is started or taken. */
  stop(): Promise<void>;
}

/** Age at which a waiting process is replaced, because the settings and templates it read may have changed. */
const MAX_AGE_MS = 10 * 60_000;
/** Time after which a process that waits for one user's next run is given up. */
const MAX_IDLE_MS = 2 * 60_000;
const LOOK_EVERY_MS = 2_000;
/** Time without new starts for an agent after a start failed. */
const PAUSE_AFTER_FAILURE_MS = 30_000;

interface SparesOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: number;
  readonly gateway: Gateway;
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  readonly findPlaces?: ClaudeSpec['findPlaces'];
  readonly dataDir: string;
  /** Returns whether another process may start now: there is memory for it, and not too many are starting. */
  readonly mayStart: (agent: Agent) => boolean;
  /** Called when the machine lacked what a process needs, with the workspace if that was the cause. */
  readonly onFault?: (fault: MachineFault, workspace?: { readonly agent: string; readonly root: string }) => void;
  /** Called when a process has become ready or has ended. */
  readonly onChange: () => void;
  /** Age at which a waiting process is replaced, in milliseconds. Defaults to 600,000. */
  readonly maxAgeMs?: number;
  readonly log: Logger;
}

interface Waiting extends Spare {
  /** The key of the end user it has served and may serve again; null when it has served no user yet. */
  readonly userKey: string | null;
  readonly since: number;
  isReady: boolean;
}

export function createSpares(options: SparesOptions): Spares {
  const { agents, slots, gateway, mayStart, onChange, maxAgeMs = MAX_AGE_MS, log } = options;
  const waiting = new Set<Waiting>();
  /** Number of workspaces being made for processes that are about to start, by agent. */
  const beginning = new Map<Agent, number>();
  const ending = new Set<Promise<void>>();
  const demand = createDemand();
  const pausedUntil = new Map<Agent, number>();
  let isStopped = false;

  /**
   * Returns the number of processes that should wait for an agent: the configured number, or the peak of recent demand.
   */
  function targetOf(agent: Agent): number {
    if (agent.prewarm === null || agent.limits.maxTurns === 0 || agent.limits.maxBudgetUsd === 0) return 0;
    return Math.max(agent.prewarm, Math.min(slots, demand.peakOf(agent.name)));
  }

  const unusedOf = (agent: Agent) => [...waiting].filter((spare) => spare.agent === agent && spare.userKey === null);

  function look(): void {
    if (isStopped) return;
    const now = performance.now();
    for (const spare of waiting) {
      if (now - spare.since > (spare.userKey === null ? maxAgeMs : MAX_IDLE_MS)) giveUp(spare);
    }
    for (const agent of agents.values()) {
      const target = targetOf(agent);
      const unused = unusedOf(agent);
      for (const spare of unused.slice(target)) giveUp(spare);
      if (now < (pausedUntil.get(agent) ?? 0)) continue;
      const missing = target - unused.length - (beginning.get(agent) ?? 0);
      for (let count = 0; count < missing && mayStart(agent); count++) track(start(agent));
    }
  }

  /** Starts a process, and adds it to the waiting processes at once: a run that arrives meanwhile may take it. */
  async function start(agent: Agent): Promise<void> {
    beginning.set(agent, (beginning.get(agent) ?? 0) + 1);
    const { claudePath, scratchRoot, findPlaces, dataDir } = options;
    const lane = gateway.reserve();
    try {
      const workspaceDir = await prepareSpareWorkspace({ workspace: agent.workspace, dataDir, log: options.log });
      const process = startClaude({
        processId: createId(),
        agent,
        limits: agent.limits,
        workspaceDir,
        gateway: { url: gateway.url, token: lane.token },
        claudePath,
        scratchRoot,
        findPlaces,
        claudeSessionId: createId(),
        resumeFrom: null,
        log,
      });
      add({ process, lane, agent, limits: agent.limits, workspaceDir, userKey: null });
    } catch (error) {
      lane.close();
      const fault = findMachineFault(error);
      if (fault !== null) options.onFault?.(fault, { agent: agent.name, root: agent.workspace.root });
      pause(agent, toMessage(error));
    } finally {
      beginning.set(agent, (beginning.get(agent) ?? 1) - 1);
    }
  }

  function add(spare: Spare & { userKey: string | null }): void {
    const entry: Waiting = { ...spare, since: performance.now(), isReady: spare.userKey !== null };
    waiting.add(entry);
    if (isStopped) return giveUp(entry);
    inBackground(async () => {
      const problem = await spare.process.ready;
      entry.isReady = true;
      if (waiting.has(entry)) {
        if (problem !== null) {
          giveUp(entry);
          if (problem.fault !== undefined) options.onFault?.(problem.fault);
          pause(spare.agent, problem.detail);
        }
        onChange();
      }
      // A process that never became ready was given up above, with its reason.
      await spare.process.exited;
      giveUp(entry);
    }, onFailure);
  }

  function pause(agent: Agent, detail: string): void {
    pausedUntil.set(agent, performance.now() + PAUSE_AFTER_FAILURE_MS);
    log.warn({ agent: agent.name, detail }, 'no process could be pre-started; next try in 30 s');
  }

  function giveUp(spare: Waiting): void {
    if (!waiting.delete(spare)) return;
    track(
      (async () => {
        spare.lane.close();
        await spare.process.close();
        if (spare.userKey === null) await removeSpareWorkspace(spare.workspaceDir, spare.agent.workspace);
        onChange();
      })(),
    );
  }

  function onFailure(err: unknown): void {
    log.warn({ err }, 'a pre-started process could not be ended cleanly');
  }

  /** Tracks work that was begun, so that `stop` leaves nothing behind. */
  function track(work: Promise<void>): void {
    const tracked = work.catch(onFailure).finally(() => ending.delete(tracked));
    ending.add(tracked);
  }

  /**
   * Finds the fitting processes, best first: a process that knows the user, then a ready process, then the process that
   * will be ready first.
   */
  function findFitting(run: Run, agent: Agent): Waiting[] {
    const fitting = [...waiting].filter(
      (spare) =>
        spare.agent === agent &&
        spare.process.isFree &&
        hasSameLimits(spare.limits, run.limits) &&
        (spare.userKey === null || (agent.isReused && spare.userKey === toUserKey(run))),
    );
    const rank = (spare: Waiting) => (spare.userKey !== null ? 0 : spare.isReady ? 1 : 2);
    return fitting.sort((a, b) => rank(a) - rank(b) || a.since - b.since);
  }

  const timer = repeat(LOOK_EVERY_MS, look, onFailure);
  look();
  return {
    get count() {
      return waiting.size;
    },
    get startingCount() {
      const about = [...beginning.values()].reduce((sum, count) => sum + count, 0);
      return about + [...waiting].filter(({ isReady }) => !isReady).length;
    },
    readyFor(names) {
      return [...waiting].filter(
        ({ agent, isReady, userKey }) => isReady && userKey === null && names.includes(agent.name),
      ).length;
    },

    async take(run, agent) {
      demand.note(agent.name);
      for (const spare of findFitting(run, agent)) {
        // Another run may have taken it while this run tried the previous one.
        if (!waiting.delete(spare)) continue;
        const { workspace } = agent;
        const adopted = await adoptWorkspace(spare.workspaceDir, { workspace, run });
        if (adopted === 'adopted') return spare;
        waiting.add(spare);
        if (isStopped || adopted === 'gone' || !spare.process.isFree) giveUp(spare);
        // The run already has a directory: a waiting process in another directory is of no use to it.
        if (adopted === 'taken') return null;
      }
      return null;
    },

    keep(spare, userKey) {
      const kept = [...waiting].filter((other) => other.userKey !== null).sort((a, b) => a.since - b.since);
      for (const other of kept.slice(0, Math.max(0, kept.length - slots + 1))) giveUp(other);
      add({ ...spare, userKey });
    },

    shed() {
      const [oldest] = [...waiting].sort((a, b) => a.since - b.since);
      if (oldest !== undefined) giveUp(oldest);
    },

    look,

    async stop() {
      isStopped = true;
      clearInterval(timer);
      for (const spare of waiting) giveUp(spare);
      while (ending.size > 0) await Promise.all(ending);
    },
  };
}

/** Compares the limits that a process gets at its start and keeps. */
function hasSameLimits(a: RunLimits, b: RunLimits): boolean {
  return (['maxTurns', 'maxThinkingTokens', 'maxMemoryMb'] as const).every((key) => a[key] === b[key]);
}
