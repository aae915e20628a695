import { isDeepStrictEqual } from 'node:util';
import type { Agent } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Run } from '../run/run.ts';
import { findTranscriptMark } from '../run/sessions/transcript-mark.ts';
import type { SessionLease } from '../run/sessions/sessions.ts';
import type { Conversation } from './conversation.ts';
import { identify, keepsConversations, type KeptTurn } from './kept-turn.ts';
import { hasSameLimits, type WaitingSpare } from './waiting-spares.ts';

interface Continuation {
  readonly database: Database;
  readonly kept: WaitingSpare;
  readonly run: Run;
  /** The agent of the run, which may be another than the process was started for. */
  readonly agent: Agent;
  readonly conversation: Conversation;
  /** The lease of the run, which has the session. */
  readonly sessionLease: SessionLease;
  /** The directory of the run. */
  readonly workspaceDir: string;
}

/**
 * Returns whether a run can continue in the process that its session's last run has left, exactly as in a new process
 * that resumes the transcript: nothing else has happened in the session since, and everything that is fixed at the
 * start of a process would be the same.
 */
export async function canContinue(continuation: Continuation): Promise<boolean> {
  const { kept, run, agent, conversation, workspaceDir } = continuation;
  const { process, turn } = kept;
  if (turn === null || !process.isFree || run.attempt !== 1) return false;
  const isNext = run.sessionId === turn.sessionId && run.sessionTurn === turn.sessionTurn + 1;
  const { user, team, tenant } = run;
  const isSameOwner = isDeepStrictEqual({ user, team, tenant }, turn.owner);
  const isSameAgent = keepsConversations(agent) && isDeepStrictEqual(process.spec.agent, agent);
  const isSameStart = isSameAgent && hasSameLimits(process.spec.limits, run.limits);
  const isUnbroken = conversation.isResumed && conversation.unfinishedToolUses.length === 0;
  if (!isNext || !isSameOwner || !isSameStart || !isUnbroken || workspaceDir !== kept.workspaceDir) return false;
  const [isUntouched, directory] = await Promise.all([isUntouchedSince(turn, continuation), identify(workspaceDir)]);
  return isUntouched && directory === turn.directory && process.isFree;
}

/** Returns whether nobody has written to the session since its last turn, which has succeeded. */
async function isUntouchedSince(
  turn: KeptTurn,
  { database, sessionLease: { sessionId, lease } }: Continuation,
): Promise<boolean> {
  const mark = await findTranscriptMark(database, { sessionId, holder: lease, afterRunId: turn.runId });
  return mark !== null && mark.claudeSessionId === turn.claudeSessionId && mark.entryCount === turn.entryCount;
}
