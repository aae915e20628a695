import type { ClaudeProcess } from '../agent/process/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayLane } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import type { SessionLease } from '../run/sessions/sessions.ts';
import { findConversation, type Conversation } from './conversation.ts';
import { retryWhileAway } from './retry-while-away.ts';
import type { Spares } from './spares.ts';
import type { WaitingSpare } from './waiting-spares.ts';
import { prepareWorkspace } from './workspace.ts';

/** The conversation, directory and process of an attempt. */
export interface Station {
  readonly agent: Agent;
  readonly conversation: Conversation;
  readonly workspaceDir: string;
  readonly lane: GatewayLane;
  /** A waiting process for the attempt, or null when one must be started. */
  readonly spare: WaitingSpare | null;
}

interface StationOptions {
  readonly deps: {
    readonly database: Database;
    readonly gateway: Gateway;
    readonly spares: Spares;
    readonly agents: ReadonlyMap<string, Agent>;
    readonly dataDir: string;
    readonly log: Logger;
  };
  readonly run: Run;
  readonly agent: Agent;
  readonly sessionLease: SessionLease;
  /** Aborted when the lease is lost. */
  readonly leaseLost: AbortSignal;
}

/**
 * Finds an attempt's conversation, directory and token, and a waiting process with all of them if there is one.
 * @throws {LonghaulError} `workspace_invalid`, with the directory and the reason.
 */
export async function prepareStation({ deps, run, agent, sessionLease, leaseLost }: StationOptions): Promise<Station> {
  const { database, gateway, spares, agents, dataDir, log } = deps;
  const conversation = await retryWhileAway(() => findConversation(database, { run, sessionLease }), {
    signal: leaseLost,
  });
  // A waiting process has begun its own conversation, and has all of the run's limits left to spend.
  const isNew = run.attempt === 1 && !conversation.isResumed;
  // Processes wait for agents of the configuration. A run of another agent also shows no need of more of them.
  const isConfigured = agents.get(run.agent) === agent;
  const spare = isNew && isConfigured ? await spares.take(run, agent) : null;
  if (spare !== null) return { agent, conversation, spare, workspaceDir: spare.workspaceDir, lane: spare.lane };
  const workspaceDir = await prepareWorkspace({ workspace: agent.workspace, run, dataDir, log });
  return { agent, conversation, spare, workspaceDir, lane: gateway.openLane() };
}

/** Keeps the process for the user's next run if the attempt kept it; otherwise releases everything the attempt used. */
export function leaveStation(
  { agent, lane, spare, workspaceDir }: Station,
  { spares, run, keptProcess }: { spares: Spares; run: Run; keptProcess: ClaudeProcess | null },
): void {
  const userKey = toUserKey(run);
  if (keptProcess !== null && userKey !== null) {
    // The limits with which it was started: a later attempt may have had less left than its run began with.
    const { limits } = keptProcess.spec;
    spares.keep({ process: keptProcess, lane, agent, limits, workspaceDir }, userKey);
    return;
  }
  lane.close();
  // Needed when the attempt never used the process; otherwise it is closed already.
  if (spare !== null) inBackground(() => spare.process.close());
}
