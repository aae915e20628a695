import type { ClaudeProcess } from '../agent/process/claude-process.ts';
import type { Agent } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { toUserKey } from '../core/user-key.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayLane } from '../gateway/gateway.ts';
import type { Run } from '../run/run.ts';
import type { SessionLease } from '../run/sessions/sessions.ts';
import { canContinue } from './can-continue.ts';
import { findConversation, type Conversation } from './conversation.ts';
import { describeTurn } from './kept-turn.ts';
import { retryWhileAway } from './retry-while-away.ts';
import type { Spares } from './spares.ts';
import { hasSameLimits, type WaitingSpare } from './waiting-spares.ts';
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
export async function prepareStation(options: StationOptions): Promise<Station> {
  // Whatever comes of it, a run of the session makes its process useless for later ones.
  const kept = options.deps.spares.conversations.take(options.run.sessionId);
  let station: Station | null = null;
  try {
    station = await findStation(options, kept);
    return station;
  } finally {
    if (kept !== null && station?.spare !== kept) {
      kept.lane.close();
      inBackground(() => kept.process.close());
    }
  }
}

async function findStation(options: StationOptions, kept: WaitingSpare | null): Promise<Station> {
  const { deps, run, agent, sessionLease, leaseLost } = options;
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
  if (
    kept !== null &&
    (await canContinue({ database, kept, run, agent, conversation, sessionLease, workspaceDir }).catch(() => false))
  ) {
    return { agent, conversation, spare: kept, workspaceDir, lane: kept.lane };
  }
  return { agent, conversation, spare, workspaceDir, lane: gateway.openLane() };
}

/** Returns whether a process is kept, with an empty conversation, for the user's next run rather than for the session's. */
export function isKeptForUser({ isReused }: Agent, { user }: Run): boolean {
  return isReused && user !== null;
}

interface Leaving {
  readonly deps: Pick<StationOptions['deps'], 'database' | 'spares' | 'log'>;
  readonly run: Run;
  readonly sessionLease: SessionLease;
  readonly keptProcess: ClaudeProcess | null;
}

/** The rest of leaving a station, when the attempt is settled or cannot be. */
type Farewell = (isSettled: boolean) => Promise<void>;

/**
 * Keeps the process if the attempt kept it, for the user's next run or, with its conversation, for the session's;
 * otherwise releases everything the attempt used. Call it while the attempt has its lease; a process with a conversation
 * is kept only when the returned function is called after the settlement.
 */
export async function leaveStation(station: Station, leaving: Leaving): Promise<Farewell> {
  const { agent, lane, spare, workspaceDir } = station;
  const { deps, run, keptProcess } = leaving;
  const userKey = toUserKey(run);
  if (keptProcess !== null && !isKeptForUser(agent, run)) {
    return leaveWithConversation(station, { ...leaving, keptProcess });
  }
  if (keptProcess !== null && userKey !== null) {
    // The limits with which it was started: a later attempt may have had less left than its run began with.
    const { limits } = keptProcess.spec;
    deps.spares.keep({ process: keptProcess, lane, agent, limits, workspaceDir }, userKey);
    return async () => {};
  }
  lane.close();
  // Needed when the attempt never used the process; otherwise it is closed already.
  if (spare !== null) inBackground(() => spare.process.close());
  return async () => {};
}

async function leaveWithConversation(
  { agent, lane, workspaceDir }: Station,
  { deps, run, sessionLease, keptProcess }: Leaving & { readonly keptProcess: ClaudeProcess },
): Promise<Farewell> {
  const { database, spares, log } = deps;
  const { limits } = keptProcess.spec;
  const turn = await describeTurn(database, { run, sessionLease, workspaceDir }).catch((error: unknown) => {
    log.warn({ error: toMessage(error) }, 'the process of a session is not kept for its next run');
    return null;
  });
  return async (isSettled) => {
    // The next run may have other limits, but probably those of this run.
    if (isSettled && turn !== null && hasSameLimits(limits, run.limits)) {
      spares.conversations.keep({ process: keptProcess, lane, agent, limits, workspaceDir }, turn);
    } else {
      lane.close();
      await keptProcess.close();
    }
  };
}
