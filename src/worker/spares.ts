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

/** A process waiting for a prompt, with the token it was started with and the directory it is at home in. */
export interface Spare {
  readonly process: ClaudeProcess;
  readonly lane: GatewayLane;
  readonly agent: Agent;
  /** Those it was started with: they hold for its whole life. */
  readonly limits: RunLimits;
  readonly workspaceDir: string;
}

/** The processes a worker keeps waiting, so that a run is spared their start. */
export interface Spares {
  readonly count: number;
  /** Those that are still in their start. */
  readonly startingCount: number;
  /** How many wait, ready, for a run of one of these agents. */
  readyFor(agents: readonly string[]): number;
  /**
   * A process for the first attempt of a run, which is then that attempt's, or null when none fits. Another takes its
   * place at the next `look`: when the run has begun to answer, for a start beside it would keep it waiting.
   */
  take(run: Run, agent: Agent): Promise<Spare | null>;
  /** Takes in a process that has served a run, for the next run of the same user, by the key of `toUserKey`. */
  keep(spare: Spare, userKey: string): void;
  /** Gives one up because memory is short: the one that has waited longest. */
  shed(): void;
  /** Starts what is missing and ends what is too much or too old. */
  look(): void;
  /** Ends all. None is started, and none taken, any more. */
  stop(): Promise<void>;
}

/** After this a process that waits is replaced: settings and templates it has read may have changed since. */
const MAX_AGE_MS = 10 * 60_000;
/** After this a process that waits for one user's next run is given up. */
const MAX_IDLE_MS = 2 * 60_000;
const LOOK_EVERY_MS = 2_000;
/** How long none is started for an agent after one could not be. */
const PAUSE_AFTER_FAILURE_MS = 30_000;

interface SparesOptions {
  readonly agents: ReadonlyMap<string, Agent>;
  readonly slots: number;
  readonly gateway: Gateway;
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  readonly findPlaces?: ClaudeSpec['findPlaces'];
  readonly dataDir: string;
  /** Whether one more may be started now: there is memory for it, and not too many are in their start. */
  readonly mayStart: (agent: Agent) => boolean;
  /** The machine lacked what a process needs: told of the workspace it was for, if it was that. */
  readonly onFault?: (fault: MachineFault, workspace?: { readonly agent: string; readonly root: string }) => void;
  /** Called when one has become ready, or is gone. */
  readonly onChange: () => void;
  /** After this a process that waits is replaced, in milliseconds. Defaults to 600,000. */
  readonly maxAgeMs?: number;
  readonly log: Logger;
}

interface Waiting extends Spare {
  /** The key of the end user it has served and may serve again; null for one that has served nobody yet. */
  readonly userKey: string | null;
  readonly since: number;
  isReady: boolean;
}

export function createSpares(options: SparesOptions): Spares {
  const { agents, slots, gateway, mayStart, onChange, maxAgeMs = MAX_AGE_MS, log } = options;
  const waiting = new Set<Waiting>();
  /** Workspaces being made for processes that are about to be started, by agent. */
  const beginning = new Map<Agent, number>();
  const ending = new Set<Promise<void>>();
  const demand = createDemand();
  const pausedUntil = new Map<Agent, number>();
  let isStopped = false;

  /** How many are to wait for an agent: what is configured, or what was needed at once lately. */
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

  /** Starts one, and puts it among those that wait at once: a run that comes meanwhile may have it. */
  async function start(agent: Agent): Promise<void> {
    beginning.set(agent, (beginning.get(agent) ?? 0) + 1);
    const { claudePath, scratchRoot, findPlaces, dataDir } = options;
    const lane = gateway.reserve();
    try {
      const workspaceDir = await prepareSpareWorkspace({ workspace: agent.workspace, dataDir });
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
      // One that never became ready is given up above, with its reason.
      await spare.process.exited;
      giveUp(entry);
    }, onFailure);
  }

  function pause(agent: Agent, detail: string): void {
    pausedUntil.set(agent, performance.now() + PAUSE_AFTER_FAILURE_MS);
    log.warn({ agent: agent.name, detail }, 'no process could be started beforehand; tried again in 30 s');
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
    log.warn({ err }, 'a process started beforehand could not be ended cleanly');
  }

  /** Nothing that was begun is left behind by `stop`. */
  function track(work: Promise<void>): void {
    const tracked = work.catch(onFailure).finally(() => ending.delete(tracked));
    ending.add(tracked);
  }

  /** Those that fit, best first: one that knows the user, then one that is ready, then the one nearest to it. */
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
        // Another run may have taken it while this one was looking at the one before.
        if (!waiting.delete(spare)) continue;
        const { workspace } = agent;
        const adopted = await adoptWorkspace(spare.workspaceDir, { workspace, run });
        if (adopted === 'adopted') return spare;
        waiting.add(spare);
        if (isStopped || adopted === 'gone' || !spare.process.isFree) giveUp(spare);
        // The run has a directory already: what waits elsewhere is for another.
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

/** Those that a process is started with and keeps. */
function hasSameLimits(a: RunLimits, b: RunLimits): boolean {
  return (['maxBudgetUsd', 'maxTurns', 'maxThinkingTokens', 'maxMemoryMb'] as const).every((key) => a[key] === b[key]);
}
