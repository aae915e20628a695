import type { SessionStore } from '@anthropic-ai/claude-agent-sdk';
import { toMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { toText } from '../../core/untyped.ts';
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
  /**
   * Takes the transcript away from the current conversation, until the next `bind`. Calls `onEntry` when an entry comes
   * meanwhile. Returns false, and does nothing, when an entry of the conversation is not stored.
   */
  pause(onEntry: () => void): boolean;
  /** The directory in which the next tool would run, by the last entry of the main conversation; null before that. */
  readonly workingDir: string | null;
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

/** The same for a batch with files, each of which may hold some megabytes. */
const MAX_WAITING_WITH_FILES = 10;

interface Batch {
  readonly claudeSessionId: string;
  readonly subpath: string;
  readonly entries: TranscriptEntry[];
  /** The large results that the entries name. */
  readonly files: readonly Promise<readonly KeptFile[]>[];
}

interface StoreState extends StoreOptions {
  /** The conversation in progress. */
  current: string;
  readonly former: Set<string>;
  /** Undefined until the transcript of the current conversation is known. */
  transcript: Transcript | null | undefined;
  /** Includes entries of a conversation that has begun before we know of it. */
  waiting: Batch[];
  writing: Promise<void> | null;
  workingDir: string | null;
  onEntryInPause: (() => void) | null;
  readonly reading: Set<Promise<unknown>>;
}

/**
 * Creates the store. An append is answered before it is stored, because until then the SDK delays every message,
 * including the first text of an answer (measured: 200 ms more for a store that takes 200 ms). The entries not stored
 * yet are one round trip to the database, and `flush` waits for it. Only the files that entries name are read before
 * the answer, because nothing protects them after it.
 */
export function createConversationStore(options: StoreOptions): ConversationStore {
  const { claudeSessionId, resumeFrom, toolResults } = options;
  const state: StoreState = {
    ...options,
    current: claudeSessionId,
    former: new Set(),
    transcript: undefined,
    waiting: [],
    writing: null,
    workingDir: null,
    onEntryInPause: null,
    reading: new Set(),
  };
  return {
    sdkStore: {
      append: ({ sessionId, subpath = '' }, entries) => append(state, entries, { claudeSessionId: sessionId, subpath }),
      async load({ subpath = '' }) {
        const entries = (await resumeFrom?.load({ subpath })) ?? null;
        const shown = entries?.filter(isKept).map((entry) => toolResults.show(entry, claudeSessionId)) ?? null;
        return shown as LoadedEntry[] | null;
      },
      listSubkeys: async () => (await resumeFrom?.listSubpaths()) ?? [],
    },
    bind(keeper) {
      state.transcript = keeper;
      state.onEntryInPause = null;
      startWriting(state);
    },
    async untilRead() {
      await Promise.all(state.reading);
    },
    async flush() {
      while (state.writing !== null) await state.writing;
    },
    startNext(nextSessionId) {
      state.former.add(state.current);
      state.current = nextSessionId;
      state.transcript = undefined;
      state.waiting = state.waiting.filter((batch) => batch.claudeSessionId === nextSessionId);
    },
    pause(onEntry) {
      const { transcript, writing, waiting } = state;
      if (transcript === undefined || transcript === null || writing !== null || waiting.length > 0) return false;
      state.transcript = undefined;
      state.onEntryInPause = onEntry;
      return true;
    },
    get workingDir() {
      return state.workingDir;
    },
  };
}

type Place = Pick<Batch, 'claudeSessionId' | 'subpath'>;

async function append(state: StoreState, entries: readonly TranscriptEntry[], place: Place): Promise<void> {
  const { former, toolResults } = state;
  const kept = entries.filter(isKept).map(toolResults.hide);
  if (kept.length === 0 || former.has(place.claudeSessionId)) return;
  if (place.subpath === '') state.workingDir = findWorkingDir(kept) ?? state.workingDir;
  state.onEntryInPause?.();
  const files = readFiles(state, kept, place.claudeSessionId);
  state.waiting.push({ ...place, entries: kept, files });
  startWriting(state);
  // The SDK removes the directory of a resumed process as soon as its last append is answered.
  const hasFiles = (await Promise.all(files)).flat().length > 0;
  if (state.waiting.length > (hasFiles ? MAX_WAITING_WITH_FILES : MAX_WAITING)) await state.writing;
}

/** Each message in the transcript has the directory of its time. */
function findWorkingDir(entries: readonly TranscriptEntry[]): string | null {
  return toText(entries.findLast(({ cwd }) => typeof cwd === 'string')?.['cwd']);
}

/** Starts to read the files that entries name at once, because they are removed with the process. */
function readFiles(
  { toolResults, reading }: StoreState,
  entries: readonly TranscriptEntry[],
  sessionId: string,
): Batch['files'] {
  const results = entries.filter((entry) => entry['type'] === 'user');
  if (results.length === 0) return [];
  const files = toolResults.read(results, sessionId);
  reading.add(files);
  const forget = () => reading.delete(files);
  files.then(forget, forget);
  return [files];
}

function startWriting(state: StoreState): void {
  const { current, transcript } = state;
  const ofCurrent = state.waiting.some((batch) => batch.claudeSessionId === current);
  if (!ofCurrent || state.writing !== null || transcript === undefined) return;
  if (transcript === null) state.waiting = state.waiting.filter((batch) => batch.claudeSessionId !== current);
  else state.writing = write(state, transcript);
}

/** Writes the transcript. There is one writer, so that entries cannot overtake each other. */
async function write(state: StoreState, keeper: Transcript): Promise<void> {
  try {
    while (state.transcript === keeper) {
      const batch = takeBatch(state);
      if (batch === null) return;
      const { entries, files, ...place } = batch;
      const kept = (await Promise.all(files)).flat();
      if (kept.length > 0) await keeper.keepFiles?.(kept);
      await keeper.append(entries, place);
    }
  } catch (error) {
    const { current, log } = state;
    // Rejected: the lease is lost, and another attempt may be writing.
    log?.warn({ claudeSessionId: current, error: toMessage(error) }, 'the rest of a transcript is not stored');
    if (state.transcript === keeper) state.transcript = null;
  } finally {
    state.writing = null;
    startWriting(state);
  }
}

/** Takes the oldest entries of the current conversation for one place, all together. */
function takeBatch(state: StoreState): Batch | null {
  const { current, waiting } = state;
  const first = waiting.find((batch) => batch.claudeSessionId === current);
  if (first === undefined) return null;
  const isTaken = (batch: Batch) => batch.claudeSessionId === current && batch.subpath === first.subpath;
  const taken = waiting.filter(isTaken);
  state.waiting = waiting.filter((batch) => !isTaken(batch));
  return {
    ...first,
    entries: taken.flatMap(({ entries }) => entries),
    files: taken.flatMap(({ files }) => files),
  };
}

type LoadedEntry = NonNullable<Awaited<ReturnType<SessionStore['load']>>>[number];

/** The cost of a process is not stored: a resumed process would otherwise begin with its predecessor's cost. */
function isKept(entry: TranscriptEntry): boolean {
  return entry['type'] !== 'cost-state';
}
