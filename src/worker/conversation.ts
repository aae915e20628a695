import type { Transcript } from '../agent/transcript.ts';
import type { Database } from '../db/database.ts';
import { findUnfinishedTools, type UnfinishedTool } from '../run/find-unfinished-tools.ts';
import type { Run } from '../run/run.ts';
import {
  appendEntries,
  findClaudeSession,
  forgetEntries,
  listSubpaths,
  readEntries,
  type SessionHold,
} from '../run/sessions.ts';
import { retryWhileAway } from './retry-while-away.ts';

/** The conversation an attempt takes part in. */
export interface Conversation {
  /** What Claude Code calls it. */
  readonly claudeSessionId: string;
  /** Whether an earlier attempt has begun it, and this one goes on where that stopped. */
  readonly isResumed: boolean;
  /** Tools that were at work when earlier attempts ended: each may have taken effect. */
  readonly unfinishedToolUses: readonly UnfinishedTool[];
}

/** Finds what an attempt has to continue. One that starts afresh has nothing, and what was said before is forgotten. */
export async function findConversation(
  database: Database,
  { run, hold }: { run: Run; hold: SessionHold },
): Promise<Conversation> {
  const fresh = { claudeSessionId: run.sessionId, isResumed: false, unfinishedToolUses: [] };
  if (run.attempt === 1) return fresh;
  if (!run.retryPolicy.isContinued) {
    await forgetEntries(database, hold);
    return fresh;
  }
  const claudeSessionId = await findClaudeSession(database, run.sessionId);
  const unfinishedToolUses = await findUnfinishedTools(database, run.id);
  return claudeSessionId === null
    ? { ...fresh, unfinishedToolUses }
    : { claudeSessionId, isResumed: true, unfinishedToolUses };
}

interface TranscriptOptions {
  readonly database: Database;
  readonly hold: SessionHold;
  /** Whether the lease is known to be lost. */
  readonly isLost: () => boolean;
}

/** An attempt's transcript in the database. While that is away an entry waits, for as long as the lease may be ours. */
export function createTranscript({ database, hold, isLost }: TranscriptOptions): Transcript {
  return {
    async append(entries, { claudeSessionId, subpath }) {
      // Repeated when it is not known whether it went through: each entry is kept once, by its id.
      const isOurs = await retryWhileAway(
        async () => !isLost() && (await appendEntries(database, { hold, claudeSessionId, subpath, entries })),
        { isLost },
      );
      if (!isOurs) throw new Error('The session belongs to another attempt.');
    },
    load: ({ subpath }) => readEntries(database, { sessionId: hold.sessionId, subpath }),
    listSubpaths: () => listSubpaths(database, hold.sessionId),
  };
}
