import type { ClaudeProcess } from '../agent/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { inBackground } from '../core/guard.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayLane } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import type { SessionHold } from '../run/sessions.ts';
import { findConversation, type Conversation } from './conversation.ts';
import { retryWhileAway } from './retry-while-away.ts';
import type { Spare, Spares } from './spares.ts';
import { prepareWorkspace } from './workspace.ts';

/** What an attempt works with and in. */
export interface Station {
  readonly agent: Agent;
  readonly conversation: Conversation;
  readonly workspaceDir: string;
  readonly lane: GatewayLane;
  /** A process that was waiting for it, or null: one is to be started. */
  readonly spare: Spare | null;
}

interface StationOptions {
  readonly deps: {
    readonly database: Database;
    readonly gateway: Gateway;
    readonly spares: Spares;
    readonly dataDir: string;
  };
  readonly run: Run;
  readonly agent: Agent;
  readonly hold: SessionHold;
  /** Whether the lease is known to be lost. */
  readonly isLost: () => boolean;
}

/**
 * Finds an attempt its conversation, directory and token, and a process that waits with all of them if there is one.
 * @throws {LonghaulError} `workspace_invalid`, saying which directory and why.
 */
export async function prepareStation({ deps, run, agent, hold, isLost }: StationOptions): Promise<Station> {
  const { database, gateway, spares, dataDir } = deps;
  const conversation = await retryWhileAway(() => findConversation(database, { run, hold }), { isLost });
  // What waits has begun a conversation of its own, and has all of the run's limits still to spend.
  const isNew = run.attempt === 1 && !conversation.isResumed;
  const spare = isNew ? await spares.take(run, agent) : null;
  if (spare !== null) return { agent, conversation, spare, workspaceDir: spare.workspaceDir, lane: spare.lane };
  const workspaceDir = await prepareWorkspace({ workspace: agent.workspace, run, dataDir });
  return { agent, conversation, spare, workspaceDir, lane: gateway.reserve() };
}

/** Has a process that was kept wait for the user's next run; else nothing is left of what the attempt worked with. */
export function leaveStation(
  { agent, lane, spare, workspaceDir }: Station,
  { spares, run, keptProcess }: { spares: Spares; run: Run; keptProcess: ClaudeProcess | null },
): void {
  const userKey = toUserKey(run);
  if (keptProcess !== null && userKey !== null) {
    // Those it was started with: a later attempt may have had less left than its run began with.
    const { limits } = keptProcess.spec;
    spares.keep({ process: keptProcess, lane, agent, limits, workspaceDir }, userKey);
    return;
  }
  lane.close();
  // For one that the attempt never came to use; else it is closed already.
  if (spare !== null) inBackground(() => spare.process.close());
}
