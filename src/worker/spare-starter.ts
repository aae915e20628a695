import { startClaude, type ClaudeSpec } from '../agent/process/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { findMachineFault, type MachineFault } from '../core/machine-fault.ts';
import { report } from '../core/process-events.ts';
import { isTracing } from '../core/tracing.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Spare } from './waiting-spares.ts';
import { prepareSpareWorkspace } from './workspace.ts';

/** Time without new starts for an agent after a start failed. */
const PAUSE_AFTER_FAILURE_MS = 30_000;

export interface SpareStarterOptions {
  readonly gateway: Gateway;
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  readonly findPlaces?: ClaudeSpec['findPlaces'];
  readonly sandboxHost?: ClaudeSpec['sandboxHost'];
  readonly spawner?: ClaudeSpec['spawner'];
  readonly dataDir: string;
  /** True when Claude Code's own spans are wanted. Defaults to false. */
  readonly exportsSpans?: boolean;
  /** Called when the machine lacked what a process needs, with the workspace if that was the cause. */
  readonly onFault?: (fault: MachineFault, workspace?: { readonly agent: string; readonly root: string }) => void;
  readonly log: Logger;
}

/** Starts processes before there is a run for them. */
export interface SpareStarter {
  /** Number of processes whose directory is being made, of all agents or of one. */
  beginningCount(agent?: Agent): number;
  /** Returns whether a start for the agent failed a moment ago. */
  isPaused(agent: Agent): boolean;
  /** Starts nothing for the agent for a while, because a process of it could not be started. */
  pause(agent: Agent, detail: string): void;
  /** Starts a process, and hands it over at once: a run that arrives before it is ready may take it. */
  start(agent: Agent): Promise<void>;
}

export function createSpareStarter(
  options: SpareStarterOptions & { readonly onStarted: (spare: Spare) => void },
): SpareStarter {
  const {
    gateway,
    claudePath,
    scratchRoot,
    findPlaces,
    sandboxHost,
    spawner,
    dataDir,
    exportsSpans = false,
    onFault,
    onStarted,
    log,
  } = options;
  const beginning = new Map<Agent, number>();
  const pausedUntil = new Map<Agent, number>();

  function pause(agent: Agent, detail: string): void {
    pausedUntil.set(agent, performance.now() + PAUSE_AFTER_FAILURE_MS);
    log.warn({ agent: agent.name, detail }, 'no process could be pre-started; next try in 30 s');
  }

  return {
    beginningCount: (agent) =>
      agent === undefined
        ? [...beginning.values()].reduce((sum, count) => sum + count, 0)
        : (beginning.get(agent) ?? 0),
    isPaused: (agent) => performance.now() < (pausedUntil.get(agent) ?? 0),
    pause,
    async start(agent) {
      beginning.set(agent, (beginning.get(agent) ?? 0) + 1);
      const lane = gateway.openLane();
      try {
        const workspaceDir = await prepareSpareWorkspace({ workspace: agent.workspace, dataDir, log });
        const process = startClaude({
          processId: createId(),
          agent,
          limits: agent.limits,
          workspaceDir,
          gateway: { url: gateway.url, token: lane.token },
          claudePath,
          scratchRoot,
          findPlaces,
          sandboxHost,
          spawner,
          claudeSessionId: createId(),
          resumeFrom: null,
          // Its run is not known yet: the worker joins its spans to the run's trace.
          telemetry: exportsSpans && isTracing() ? { traceparent: null } : null,
          log,
        });
        report('process.started', { agent: agent.name, kind: 'spare' });
        onStarted({ process, lane, agent, limits: agent.limits, workspaceDir });
      } catch (error) {
        lane.close();
        const fault = findMachineFault(error);
        if (fault !== null) onFault?.(fault, { agent: agent.name, root: agent.workspace.root });
        pause(agent, toMessage(error));
      } finally {
        beginning.set(agent, (beginning.get(agent) ?? 1) - 1);
      }
    },
  };
}
