import type { SessionStore } from '@anthropic-ai/claude-agent-sdk';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { ToolResults } from './tool-results.ts';
import type { KeptFile, Transcript, TranscriptEntry } from './transcript.ts';

/** What the SDK mirrors a process's conversation to, one conversation after another. */
export interface ConversationStore {
  /** For the SDK. Keyed by the conversation: which directory it was held in does not matter. */
  readonly sdkStore: SessionStore;
  /** Gives the present conversation its transcript, with what it has written already; null when nobody keeps it. */
  bind(transcript: Transcript | null): void;
  /** Resolves when the files that entries name have been read: until then the directory of the process is needed. */
  untilRead(): Promise<void>;
  /** Resolves when all that was written is stored, or cannot be. Never rejects. */
  flush(): Promise<void>;
  /** The former conversation is over: what still comes of it is dropped, and `claudeSessionId` begins. */
  startNext(claudeSessionId: string): void;
}

interface StoreOptions {
  readonly claudeSessionId: string;
  /** What the SDK loads to resume from; null when the conversation is new. */
  readonly resumeFrom: Transcript | null;
  readonly toolResults: ToolResults;
  readonly log?: Logger | undefined;
}

/** Beyond as many batches waiting to be stored, Claude Code's messages wait with them. */
const MAX_WAITING = 1_000;

interface Batch {
  readonly claudeSessionId: string;
  readonly subpath: string;
  readonly entries: TranscriptEntry[];
  /** The large results that the entries name. */
  readonly files: readonly Promise<readonly KeptFile[]>[];
}

/**
 * An append is answered before it is stored: the SDK holds back every message until then, the first word of an
 * answer too (measured: 200 ms more for a store that takes 200 ms). What is not stored yet is one round trip to the
 * database, and `flush` waits for it.
 */
export function createConversationStore(options: StoreOptions): ConversationStore {
  const { claudeSessionId, resumeFrom, toolResults, log } = options;
  let current = claudeSessionId;
  const former = new Set<string>();
  /** Undefined: it is not known yet who keeps the present conversation. */
  let transcript: Transcript | null | undefined;
  /** Also of a conversation that has begun before we know of it. */
  let waiting: Batch[] = [];
  let writing: Promise<void> | null = null;
  const reading = new Set<Promise<unknown>>();

  /** Begins at once to read the files that entries name: the process may end, and take them along. */
  function readFiles(entries: readonly TranscriptEntry[], sessionId: string): Batch['files'] {
    const results = entries.filter((entry) => entry['type'] === 'user');
    if (results.length === 0) return [];
    const files = toolResults.read(results, sessionId);
    reading.add(files);
    const forget = () => reading.delete(files);
    files.then(forget, forget);
    return [files];
  }

  /** The oldest entries of the present conversation that go to one place, taken out together. */
  function takeBatch(): Batch | null {
    const first = waiting.find((batch) => batch.claudeSessionId === current);
    if (first === undefined) return null;
    const isTaken = (batch: Batch) => batch.claudeSessionId === current && batch.subpath === first.subpath;
    const taken = waiting.filter(isTaken);
    waiting = waiting.filter((batch) => !isTaken(batch));
    return {
      ...first,
      entries: taken.flatMap(({ entries }) => entries),
      files: taken.flatMap(({ files }) => files),
    };
  }

  /** The only writer of a transcript, so that entries cannot overtake each other. */
  async function write(keeper: Transcript): Promise<void> {
    try {
      while (transcript === keeper) {
        const batch = takeBatch();
        if (batch === null) return;
        const { entries, files, ...place } = batch;
        const kept = (await Promise.all(files)).flat();
        if (kept.length > 0) await keeper.keepFiles?.(kept);
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
        const kept = entries.filter(isKept).map(toolResults.hide);
        if (kept.length === 0 || former.has(sessionId)) return;
        waiting.push({ claudeSessionId: sessionId, subpath, entries: kept, files: readFiles(kept, sessionId) });
        startWriting();
        if (waiting.length > MAX_WAITING) await writing;
      },
      async load({ subpath = '' }) {
        const entries = (await resumeFrom?.load({ subpath })) ?? null;
        const shown = entries?.filter(isKept).map((entry) => toolResults.show(entry, claudeSessionId)) ?? null;
        return shown as LoadedEntry[] | null;
      },
      listSubkeys: async () => (await resumeFrom?.listSubpaths()) ?? [],
    },
    bind(keeper) {
      transcript = keeper;
      startWriting();
    },
    async untilRead() {
      await Promise.all(reading);
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
