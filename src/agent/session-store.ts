import type { SessionStore } from '@anthropic-ai/claude-agent-sdk';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { ToolResults } from './tool-results.ts';
import type { KeptFile, Transcript, TranscriptEntry } from './transcript.ts';

/** The store to which the SDK mirrors a process's conversations, one after another. */
export interface ConversationStore {
  /** For the SDK. Keyed by the conversation, independent of its directory. */
  readonly sdkStore: SessionStore;
  /** Gives the current conversation its transcript, with the entries written so far; null when it is not stored. */
  bind(transcript: Transcript | null): void;
  /** Resolves when the files that entries name have been read: until then the directory of the process is needed. */
  untilRead(): Promise<void>;
  /** Resolves when every entry is stored, or cannot be. Never rejects. */
  flush(): Promise<void>;
  /** Ends the current conversation, drops its later entries, and begins `claudeSessionId`. */
  startNext(claudeSessionId: string): void;
}

interface StoreOptions {
  readonly claudeSessionId: string;
  /** The transcript that the SDK loads on resume; null when the conversation is new. */
  readonly resumeFrom: Transcript | null;
  readonly toolResults: ToolResults;
  readonly log?: Logger | undefined;
}

/** With more batches than this waiting for the store, Claude Code's messages wait too. */
const MAX_WAITING = 1_000;

interface Batch {
  readonly claudeSessionId: string;
  readonly subpath: string;
  readonly entries: TranscriptEntry[];
  /** The large results that the entries name. */
  readonly files: readonly Promise<readonly KeptFile[]>[];
}

/**
 * Creates the store. An append is answered before it is stored, because until then the SDK delays every message,
 * including the first text of an answer (measured: 200 ms more for a store that takes 200 ms). The entries not stored
 * yet are one round trip to the database, and `flush` waits for it. Only the files that entries name are read before
 * the answer, because nothing protects them after it.
 */
export function createConversationStore(options: StoreOptions): ConversationStore {
  const { claudeSessionId, resumeFrom, toolResults, log } = options;
  let current = claudeSessionId;
  const former = new Set<string>();
  /** Undefined until the transcript of the current conversation is known. */
  let transcript: Transcript | null | undefined;
  /** Includes entries of a conversation that has begun before we know of it. */
  let waiting: Batch[] = [];
  let writing: Promise<void> | null = null;
  const reading = new Set<Promise<unknown>>();

  /** Starts to read the files that entries name at once, because they are removed with the process. */
  function readFiles(entries: readonly TranscriptEntry[], sessionId: string): Batch['files'] {
    const results = entries.filter((entry) => entry['type'] === 'user');
    if (results.length === 0) return [];
    const files = toolResults.read(results, sessionId);
    reading.add(files);
    const forget = () => reading.delete(files);
    files.then(forget, forget);
    return [files];
  }

  /** Takes the oldest entries of the current conversation for one place, all together. */
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

  /** Writes the transcript. There is one writer, so that entries cannot overtake each other. */
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
      // Rejected: the lease is lost, and another attempt may be writing.
      log?.warn({ claudeSessionId: current, error: toMessage(error) }, 'the rest of a transcript is not stored');
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
        const files = readFiles(kept, sessionId);
        waiting.push({ claudeSessionId: sessionId, subpath, entries: kept, files });
        startWriting();
        // The SDK removes the directory of a resumed process as soon as its last append is answered.
        await Promise.all(files);
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

/** The cost of a process is not stored: a resumed process would otherwise begin with its predecessor's cost. */
function isKept(entry: TranscriptEntry): boolean {
  return entry['type'] !== 'cost-state';
}
