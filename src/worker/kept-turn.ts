import { stat } from 'node:fs/promises';
import type { Agent } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Run } from '../run/run.ts';
import { findTranscriptMark, type TranscriptMark } from '../run/sessions/transcript-mark.ts';
import type { SessionLease } from '../run/sessions/sessions.ts';

/** The turn of a session after which a process waits with the conversation. */
export interface KeptTurn extends TranscriptMark {
  readonly runId: string;
  readonly sessionId: string;
  readonly sessionTurn: number;
  readonly owner: Owner;
  /** Identifies the directory of the process, whatever its name is by now. */
  readonly directory: string;
}

type Owner = Pick<Run, 'user' | 'team' | 'tenant'>;

/**
 * Returns whether processes of the agent may wait with a conversation. A directory of a single run is of no use to the next
 * run. Settings of a project are read at the start, and may have changed by the next turn. A program that serves tools is
 * not told apart from a process that a tool has left behind.
 */
export function keepsConversations({ keepWarmSeconds, workspace, settingSources, mcpServers }: Agent): boolean {
  return (
    keepWarmSeconds > 0 &&
    workspace.mode !== 'perRun' &&
    settingSources.length === 0 &&
    mcpServers.every(({ type }) => type !== 'stdio')
  );
}

/**
 * Describes the state in which a run has left its session and directory. Call it while the run still has the session.
 * Returns null when it has lost the session.
 */
export async function describeTurn(
  database: Database,
  { run, sessionLease, workspaceDir }: { run: Run; sessionLease: SessionLease; workspaceDir: string },
): Promise<KeptTurn | null> {
  const { id: runId, sessionId, sessionTurn, user, team, tenant } = run;
  const [mark, directory] = await Promise.all([
    findTranscriptMark(database, { sessionId, holder: sessionLease.lease }),
    identify(workspaceDir),
  ]);
  if (mark === null || directory === null) return null;
  return { ...mark, runId, sessionId, sessionTurn, owner: { user, team, tenant }, directory };
}

/** Returns what identifies a directory while it exists; null when it does not. */
export async function identify(directory: string): Promise<string | null> {
  return stat(directory, { bigint: true }).then(
    ({ dev, ino, birthtimeNs }) => `${dev}:${ino}:${birthtimeNs}`,
    () => null,
  );
}
