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
 * The baseline is the memory at the moment the process has settled, which for a worker is the end of its first run:
 * by then everything that a run needs has been loaded, compiled and connected, and none of that is a leak.
 */
export function watchOwnMemory(options: MemoryGuardOptions): () => void {
  const { limitBytes, settled, onExceeded, readResidentBytes = process.memoryUsage.rss, everyMs = 5_000 } = options;
  let timer: NodeJS.Timeout | undefined;
  let isEnded = false;

  void settled.then(() => {
    if (isEnded) return;
    const baselineBytes = readResidentBytes();
    let above = 0;
    timer = setInterval(() => {
      const residentBytes = readResidentBytes();
      above = residentBytes - baselineBytes > limitBytes ? above + 1 : 0;
      if (above < READINGS) return;
      clearInterval(timer);
      onExceeded({ baselineBytes, residentBytes });
    }, everyMs);
  });
  return () => {
    isEnded = true;
    clearInterval(timer);
  };
}
