import type { ClaudeProcess } from '../agent/process/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { inBackground } from '../core/guard.ts';
import type { RunLimits } from '../core/limits.ts';
import type { GatewayLane } from '../gateway/gateway.ts';
import type { BackgroundWork } from './background-work.ts';
import type { KeptTurn } from './kept-turn.ts';
import { removeSpareWorkspace } from './workspace.ts';

/** A process that waits for a prompt, with the token and the directory with which it was started. */
export interface Spare {
  readonly process: ClaudeProcess;
  readonly lane: GatewayLane;
  readonly agent: Agent;
  /** The limits with which it was started; they apply for its whole life. */
  readonly limits: RunLimits;
  readonly workspaceDir: string;
}

export interface WaitingSpare extends Spare {
  /** The key of the end user it has served and may serve again; null when it has served no user yet. */
  readonly userKey: string | null;
  /** The turn of the session whose conversation it has, and whose next run it may serve; null when it has none. */
  readonly turn: KeptTurn | null;
  readonly since: number;
  isReady: boolean;
}

/** Returns whether a process has served nobody yet. */
export function isUnused({ userKey, turn }: Pick<WaitingSpare, 'userKey' | 'turn'>): boolean {
  return userKey === null && turn === null;
}

/** Compares the limits that a process gets at its start and keeps. */
export function hasSameLimits(a: RunLimits, b: RunLimits): boolean {
  return (['maxTurns', 'maxThinkingTokens', 'maxMemoryMb'] as const).every((key) => a[key] === b[key]);
}

/** The reason why a process did not become ready. */
type Problem = NonNullable<Awaited<ClaudeProcess['ready']>>;

interface WaitingSparesOptions {
  /** Called when a process has become ready or has ended. */
  readonly onChange: () => void;
  /** Called when a process that should wait could not be started. */
  readonly onProblem: (spare: Spare, problem: Problem) => void;
  readonly onFailure: (error: unknown) => void;
  /** Tracks the ends of processes. */
  readonly work: BackgroundWork;
}

/** The processes of a worker that wait for a run now. */
export interface WaitingSpares {
  readonly isStopped: boolean;
  list(): WaitingSpare[];
  /** Lets a process wait, until it is taken, given up, or ends. */
  add(spare: Spare & Pick<WaitingSpare, 'userKey' | 'turn'>): void;
  /** Takes a process out; false when it waits no more, because another run has taken it. */
  take(spare: WaitingSpare): boolean;
  /** Puts back a process that was taken and not used. */
  putBack(spare: WaitingSpare): void;
  /** Ends a waiting process, and removes its directory if no run has used it. */
  giveUp(spare: WaitingSpare): void;
  /** Gives up all processes, and each that is added later. */
  stop(): void;
}

export function createWaitingSpares(options: WaitingSparesOptions): WaitingSpares {
  const { onChange, onProblem, onFailure, work } = options;
  const waiting = new Set<WaitingSpare>();
  let isStopped = false;

  function giveUp(spare: WaitingSpare): void {
    if (waiting.delete(spare)) work.track(end(spare), onFailure);
  }

  async function end(spare: WaitingSpare): Promise<void> {
    spare.lane.close();
    await spare.process.close();
    if (isUnused(spare)) await removeSpareWorkspace(spare.workspaceDir, spare.agent.workspace);
    onChange();
  }

  /** Follows a process from its start to its end. */
  async function watch(spare: WaitingSpare): Promise<void> {
    const problem = await spare.process.ready;
    spare.isReady = true;
    if (waiting.has(spare)) {
      if (problem !== null) {
        giveUp(spare);
        onProblem(spare, problem);
      }
      onChange();
    }
    // A process that never became ready was given up above, with its reason.
    await spare.process.exited;
    giveUp(spare);
  }

  return {
    get isStopped() {
      return isStopped;
    },
    list: () => [...waiting],
    add(spare) {
      const entry: WaitingSpare = { ...spare, since: performance.now(), isReady: !isUnused(spare) };
      waiting.add(entry);
      if (isStopped) giveUp(entry);
      else inBackground(() => watch(entry), onFailure);
    },
    take: (spare) => waiting.delete(spare),
    putBack(spare) {
      waiting.add(spare);
    },
    giveUp,
    stop() {
      isStopped = true;
      for (const spare of waiting) giveUp(spare);
    },
  };
}
