import { inBackground } from '../core/guard.ts';
import { repeat } from '../core/timers.ts';

interface MemoryGuardOptions {
  /** Growth above the baseline that is too much. */
  readonly limitBytes: number;
  /** Resolves when the process has settled. */
  readonly settled: Promise<unknown>;
  /** Called once. */
  readonly onExceeded: (growth: { readonly baselineBytes: number; readonly residentBytes: number }) => void;
  /** Reads the resident memory of this process. Defaults to the system's figure. */
  readonly readResidentBytes?: (() => number) | undefined;
  /** Defaults to 5 s. */
  readonly everyMs?: number;
}

/** Number of consecutive readings above the limit. Memory that a garbage collection frees again is not growth. */
const READINGS = 3;

/**
 * Watches whether this process grows without end, and reports it once. Returns the function that ends the watch.
 *
 * The baseline is the memory at the first reading after the process has settled, which for a worker is the end of its
 * first run: until then everything that a run needs is loaded, compiled and connected, which is not a leak. The system
 * may refuse a reading, for example when no file can be opened: that reading is skipped.
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
