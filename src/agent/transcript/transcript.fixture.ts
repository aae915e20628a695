import type { KeptFile, Transcript, TranscriptEntry } from './transcript.ts';

/** Creates a transcript in memory that keeps the contract: each uuid once, and nothing after it is closed. */
export function createTranscript() {
  const kept: { claudeSessionId: string; subpath: string; entry: TranscriptEntry }[] = [];
  const files = new Map<string, KeptFile>();
  const watchers = new Set<() => void>();
  let isClosed = false;
  let appends = 0;
  const transcript: Transcript = {
    async append(entries, place) {
      if (isClosed) throw new Error('The lease is lost.');
      appends += 1;
      for (const entry of entries) {
        const isKnown = kept.some(({ entry: { uuid } }) => uuid !== undefined && uuid === entry['uuid']);
        if (!isKnown) kept.push({ ...place, entry: JSON.parse(JSON.stringify(entry)) as TranscriptEntry });
      }
      for (const check of watchers) check();
    },
    async keepFiles(given) {
      if (isClosed) throw new Error('The lease is lost.');
      for (const file of given) if (!files.has(file.name)) files.set(file.name, file);
    },
    loadFiles: async () => [...files.values()],
    async load({ subpath }) {
      const entries = kept.filter((one) => one.subpath === subpath).map(({ entry }) => entry);
      return entries.length === 0 ? null : entries;
    },
    listSubpaths: async () => [...new Set(kept.map(({ subpath }) => subpath))].filter((subpath) => subpath !== ''),
  };
  return {
    transcript,
    kept,
    files,
    get appends() {
      return appends;
    },
    /** Resolves when an entry is kept for which `isWanted` returns true. */
    untilKept: (isWanted: (entry: TranscriptEntry) => boolean): Promise<void> =>
      new Promise((resolve) => {
        const check = () => {
          if (!kept.some(({ entry }) => isWanted(entry))) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    types: () => kept.map(({ entry }) => entry['type']),
    /** Lists the conversations of its entries. */
    sessions: () => [...new Set(kept.map(({ claudeSessionId }) => claudeSessionId))],
    close() {
      isClosed = true;
    },
  };
}
