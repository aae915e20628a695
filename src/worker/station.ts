import type { Agent } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayLane } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import type { SessionHold } from '../run/sessions.ts';
import { findConversation, type Conversation } from './conversation.ts';
import type { Spare, Spares } from './spares.ts';
import { prepareWorkspace } from './workspace.ts';

/** What an attempt works with and in. */
export interface Station {
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
}

/**
 * Finds an attempt its conversation, directory and token, and a process that waits with all of them if there is one.
 * @throws {LonghaulError} `workspace_invalid`, saying which directory and why.
 */
export async function prepareStation({ deps, run, agent, hold }: StationOptions): Promise<Station> {
  const { database, gateway, spares, dataDir } = deps;
  const conversation = await findConversation(database, { run, hold });
  // What waits has begun a conversation of its own, and has all of the run's limits still to spend.
  const spare = run.attempt === 1 ? await spares.take(run, agent) : null;
  if (spare !== null) return { conversation, spare, workspaceDir: spare.workspaceDir, lane: spare.lane };
  const workspaceDir = await prepareWorkspace({ workspace: agent.workspace, run, dataDir });
  return { conversation, spare, workspaceDir, lane: gateway.reserve() };
}
