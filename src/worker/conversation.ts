import { setTimeout as delay } from 'node:timers/promises';
import type { Transcript } from '../agent/transcript.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import type { Run } from '../run/run.ts';
import {
  appendEntries,
  findClaudeSession,
  forgetEntries,
  listSubpaths,
  readEntries,
  type SessionHold,
} from '../run/sessions.ts';

/** The conversation an attempt takes part in. */
export interface Conversation {
  /** What Claude Code calls it. */
  readonly claudeSessionId: string;
  /** Whether an earlier attempt has begun it, and this one goes on where that stopped. */
  readonly isResumed: boolean;
}

/** Finds what an attempt has to continue. One that starts afresh has nothing, and what was said before is forgotten. */
export async function findConversation(
  database: Database,
  { run, hold }: { run: Run; hold: SessionHold },
): Promise<Conversation> {
  const fresh = { claudeSessionId: run.sessionId, isResumed: false };
  if (run.attempt === 1) return fresh;
  if (!run.retryPolicy.isContinued) {
    await forgetEntries(database, hold);
    return fresh;
  }
  const claudeSessionId = await findClaudeSession(database, run.sessionId);
  return claudeSessionId === null ? fresh : { claudeSessionId, isResumed: true };
}

interface TranscriptOptions {
  readonly database: Database;
  readonly hold: SessionHold;
  /** Whether the lease is known to be lost. */
  readonly isLost: () => boolean;
}

const RETRY_DELAYS_MS = [50, 100, 250, 500, 1_000];

/** An attempt's transcript in the database. While that is away an entry waits, for as long as the lease may be ours. */
export function createTranscript({ database, hold, isLost }: TranscriptOptions): Transcript {
  return {
    async append(entries, { claudeSessionId, subpath }) {
      for (let tries = 0; !isLost(); tries++) {
        try {
          // Repeated when it is not known whether it went through: each entry is kept once, by its id.
          if (await appendEntries(database, { hold, claudeSessionId, subpath, entries })) return;
          break;
        } catch (error) {
          if (!isDatabaseAway(error)) throw error;
          await delay(RETRY_DELAYS_MS[Math.min(tries, RETRY_DELAYS_MS.length - 1)]);
        }
      }
      throw new Error('The session belongs to another attempt.');
    },
    load: ({ subpath }) => readEntries(database, { sessionId: hold.sessionId, subpath }),
    listSubpaths: () => listSubpaths(database, hold.sessionId),
  };
}
