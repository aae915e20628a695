import { inBackground } from '../core/guard.ts';
import { repeat } from '../core/timers.ts';

interface MemoryGuardOptions {
  /** Growth above the baseline that is too much. */
  readonly limitBytes: number;
  /** Resolves when the process has settled. */
  readonly settled: Promise<unknown>;
  /** Called once. */
  readonly onExceeded: (growth: { readonly baselineBytes: number; readonly residentBytes: number }) => void;
  /** Resident memory of this process. Defaults to what the system says. */
  readonly readResidentBytes?: (() => number) | undefined;
  /** Defaults to 5 s. */
  readonly everyMs?: number;
}

/** Readings in a row that have to be above: what a collection of garbage takes back again is no growth. */
const READINGS = 3;

/**
 * Watches whether this process grows without end, and says so once. Returns what ends the watch.
 *
 * The baseline is the memory at the first reading after the process has settled, which for a worker is the end of its
 * first run: by then everything that a run needs has been loaded, compiled and connected, and none of that is a leak.
 * The system may refuse a reading, as when no file can be opened: that one says nothing, and the next one is taken.
 */
export function watchOwnMemory(options: MemoryGuardOptions): () => void {
  const { limitBytes, settled, onExceeded, readResidentBytes = process.memoryUsage.rss, everyMs = 5_000 } = options;
  let timer: NodeJS.Timeout | undefined;
  let isEnded = false;
  let baselineBytes: number | null = null;
  let above = 0;

  function read(): void {
    const residentBytes = tryToRead(readResidentBytes);
    if (residentBytes === null) return;
    baselineBytes ??= residentBytes;
    above = residentBytes - baselineBytes > limitBytes ? above + 1 : 0;
    if (above < READINGS) return;
    clearInterval(timer);
    onExceeded({ baselineBytes, residentBytes });
  }

  inBackground(async () => {
    await settled;
    if (isEnded) return;
    read();
    timer = repeat(everyMs, read);
  });
  return () => {
    isEnded = true;
    clearInterval(timer);
  };
}

function tryToRead(readResidentBytes: () => number): number | null {
  try {
    return readResidentBytes();
  } catch {
    return null;
  }
}
