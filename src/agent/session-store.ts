import type { SessionStore } from '@anthropic-ai/claude-agent-sdk';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Transcript, TranscriptEntry } from './transcript.ts';

/** What the SDK mirrors a process's conversation to, one conversation after another. */
export interface ConversationStore {
  /** For the SDK. Keyed by the conversation: which directory it was held in does not matter. */
  readonly sdkStore: SessionStore;
  /** Gives the present conversation its transcript, with what it has written already; null when nobody keeps it. */
  bind(transcript: Transcript | null): void;
  /** Resolves when all that was written is stored, or cannot be. Never rejects. */
  flush(): Promise<void>;
  /** The former conversation is over: what still comes of it is dropped, and `claudeSessionId` begins. */
  startNext(claudeSessionId: string): void;
}

interface StoreOptions {
  readonly claudeSessionId: string;
  /** What the SDK loads to resume from; null when the conversation is new. */
  readonly resumeFrom: Transcript | null;
  readonly log?: Logger | undefined;
}

/** Beyond as many batches waiting to be stored, Claude Code's messages wait with them. */
const MAX_WAITING = 1_000;

interface Batch {
  readonly claudeSessionId: string;
  readonly subpath: string;
  readonly entries: TranscriptEntry[];
}

/**
 * An append is answered before it is stored: the SDK holds back every message until then, the first word of an
 * answer too (measured: 200 ms more for a store that takes 200 ms). What is not stored yet is one round trip to the
 * database, and `flush` waits for it.
 */
export function createConversationStore({ claudeSessionId, resumeFrom, log }: StoreOptions): ConversationStore {
  let current = claudeSessionId;
  const former = new Set<string>();
  /** Undefined: it is not known yet who keeps the present conversation. */
  let transcript: Transcript | null | undefined;
  /** Also of a conversation that has begun before we know of it. */
  let waiting: Batch[] = [];
  let writing: Promise<void> | null = null;

  /** The oldest entries of the present conversation that go to one place, taken out together. */
  function takeBatch(): Batch | null {
    const first = waiting.find((batch) => batch.claudeSessionId === current);
    if (first === undefined) return null;
    const isTaken = (batch: Batch) => batch.claudeSessionId === current && batch.subpath === first.subpath;
    const entries = waiting.filter(isTaken).flatMap((batch) => batch.entries);
    waiting = waiting.filter((batch) => !isTaken(batch));
    return { ...first, entries };
  }

  /** The only writer of a transcript, so that entries cannot overtake each other. */
  async function write(keeper: Transcript): Promise<void> {
    try {
      while (transcript === keeper) {
        const batch = takeBatch();
        if (batch === null) return;
        const { entries, ...place } = batch;
        await keeper.append(entries, place);
      }
    } catch (error) {
      // Refused: the lease is gone, and another attempt may be writing.
      log?.warn({ claudeSessionId: current, error: toMessage(error) }, 'a transcript is not kept any further');
      if (transcript === keeper) transcript = null;
    } finally {
      writing = null;
      startWriting();
    }
  }

  function startWriting(): void {
    const ofCurrent = waiting.some((batch) => batch.claudeSessionId === current);
    if (!ofCurrent || writing !== null || transcript === undefined) return;
    if (transcript === null) waiting = waiting.filter((batch) => batch.claudeSessionId !== current);
    else writing = write(transcript);
  }

  return {
    sdkStore: {
      async append({ sessionId, subpath = '' }, entries) {
        const kept = entries.filter(isKept);
        if (kept.length === 0 || former.has(sessionId)) return;
        waiting.push({ claudeSessionId: sessionId, subpath, entries: kept });
        startWriting();
        if (waiting.length > MAX_WAITING) await writing;
      },
      async load({ subpath = '' }) {
        const entries = (await resumeFrom?.load({ subpath })) ?? null;
        return entries === null ? null : (entries.filter(isKept) as LoadedEntry[]);
      },
      listSubkeys: async () => (await resumeFrom?.listSubpaths()) ?? [],
    },
    bind(keeper) {
      transcript = keeper;
      startWriting();
    },
    async flush() {
      while (writing !== null) await writing;
    },
    startNext(nextSessionId) {
      former.add(current);
      current = nextSessionId;
      transcript = undefined;
      waiting = waiting.filter((batch) => batch.claudeSessionId === current);
    },
  };
}

type LoadedEntry = NonNullable<Awaited<ReturnType<SessionStore['load']>>>[number];

/** What a process has spent is its own affair: with it, one that resumes would begin with its predecessor's cost. */
function isKept(entry: TranscriptEntry): boolean {
  return entry['type'] !== 'cost-state';
}
