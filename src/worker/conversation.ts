import type { DecidedToolUse } from '../agent/transcript/continuation.ts';
import type { SaidBlock } from '../agent/transcript/progress.ts';
import type { Transcript } from '../agent/transcript/transcript.ts';
import { withoutRefused } from '../core/without-refused.ts';
import type { Database } from '../db/database.ts';
import { findSaidBlocks } from '../run/log/find-said-blocks.ts';
import { findCutOffRun, findUnfinishedTools, type UnfinishedTool } from '../run/log/find-unfinished-tools.ts';
import { listUnconsumed, type KnownApproval } from '../run/approvals/request-approval.ts';
import type { Run } from '../run/run.ts';
import { keepFiles, readFiles } from '../run/sessions/session-files.ts';
import {
  appendEntries,
  findClaudeSession,
  forgetEntries,
  listSubpaths,
  readEntries,
  type SessionLease,
} from '../run/sessions/sessions.ts';
import { retryWhileAway } from './retry-while-away.ts';

/** The conversation of an attempt. */
export interface Conversation {
  /** Claude Code's id of the conversation. */
  readonly claudeSessionId: string;
  /** True when an earlier attempt began the conversation and this one continues it. */
  readonly isResumed: boolean;
  /** Tools that were running when earlier attempts ended. Each may have taken effect. */
  readonly unfinishedToolUses: readonly UnfinishedTool[];
  /** Tool uses that waited for a person, with the decisions. Defaults to none. */
  readonly decidedToolUses?: readonly DecidedToolUse[];
  /** The blocks of text that earlier attempts streamed. */
  readonly saidBefore: readonly SaidBlock[];
}

/**
 * Finds the conversation that an attempt continues, with what earlier runs added to it. When the attempt starts from
 * the beginning, the entries of this run are deleted first.
 */
export async function findConversation(
  database: Database,
  { run, sessionLease }: { run: Run; sessionLease: SessionLease },
): Promise<Conversation> {
  const isFirst = run.attempt === 1;
  const saidBefore = isFirst ? [] : await findSaidBlocks(database, run.id);
  const fresh = { claudeSessionId: run.sessionId, isResumed: false, unfinishedToolUses: [], saidBefore };
  if (isFirst && run.sessionTurn === 1) return fresh;
  const decided = isFirst
    ? []
    : (await listUnconsumed(database, { runId: run.id, attempt: run.attempt })).filter(
        ({ status }) => status !== 'pending',
      );
  // An approval's tool use is part of the existing transcript, so the transcript must be kept.
  const startsAfresh = !isFirst && !run.retryPolicy.isContinued && decided.length === 0;
  if (startsAfresh) await forgetEntries(database, sessionLease);
  if (startsAfresh && run.sessionTurn === 1) return fresh;
  const claudeSessionId = await findClaudeSession(database, run.sessionId);
  const cutOffId = isFirst ? await findCutOffRun(database, run) : startsAfresh ? null : run.id;
  const unfinishedToolUses = cutOffId === null ? [] : await findUnfinishedTools(database, cutOffId);
  return claudeSessionId === null
    ? { ...fresh, unfinishedToolUses }
    : { claudeSessionId, isResumed: true, unfinishedToolUses, decidedToolUses: decided.map(toDecided), saidBefore };
}

function toDecided({ tool, kind, status, reason, updatedInput, takenUpBy }: KnownApproval): DecidedToolUse {
  return {
    toolUseId: takenUpBy ?? tool.useId,
    name: tool.name,
    input: tool.input,
    isAllowed: status === 'allowed',
    isCustom: kind === 'custom',
    reason: kind === 'custom' ? null : reason,
    answers: kind === 'question' ? (updatedInput?.['answers'] ?? {}) : null,
  };
}

interface TranscriptOptions {
  readonly database: Database;
  readonly sessionLease: SessionLease;
  /** Aborted when the lease is lost. */
  readonly leaseLost: AbortSignal;
  /** Resolves when the run's log is written as far as its events have come. */
  readonly flushLog: () => Promise<unknown>;
}

/**
 * Creates an attempt's transcript in the database. While the database is away, an entry waits as long as the lease may
 * be ours. The log is written first, so that readers have received every text that the transcript contains: an answer
 * that the transcript completes is not sent again.
 */
export function createTranscript({ database, sessionLease, leaseLost, flushLog }: TranscriptOptions): Transcript {
  /** Writes unless the lease is lost. Retried when it is unknown whether a write succeeded: each entry is stored once. */
  async function write(store: () => Promise<boolean>): Promise<void> {
    const isOurs = await retryWhileAway(async () => !leaseLost.aborted && (await store()), { signal: leaseLost });
    if (!isOurs) throw new Error('The session belongs to another attempt.');
  }

  return {
    async append(entries, { claudeSessionId, subpath }) {
      await flushLog();
      await write(() => appendEntries(database, { sessionLease, claudeSessionId, subpath, entries }));
    },
    keepFiles: (files) => write(() => keepFiles(database, { sessionLease, files })),
    loadFiles: () => readFiles(database, sessionLease.sessionId),
    async load({ subpath }) {
      const entries = await readEntries(database, { sessionId: sessionLease.sessionId, subpath });
      return entries && withoutRefused(entries);
    },
    listSubpaths: () => listSubpaths(database, sessionLease.sessionId),
  };
}
