import type { Reaper } from '../agent/process-tree/reaper.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';

/** A time during which the event loop of a process did nothing. */
export interface Stall {
  readonly durationMs: number;
  /** The end of the stall. */
  readonly endedAt: Date;
}

const BEAT_EVERY_MS = 1_000;

/** A shorter stall is no cause for concern: a lease lasts three times as long, and is renewed every 4 s. */
export const SHORTEST_STALL_MS = 5_000;

export interface StallWatch {
  /** The last stall of more than 5 s, or null. */
  readonly lastStall: Stall | null;
  stop(): void;
}

/**
 * Shows the reaper every second that the event loop runs, and notices when it did not: because of a text that took long
 * to read, a synchronous call in the application, or a machine without free processor time.
 */
export function watchStalls({ reaper, log }: { reaper: Pick<Reaper, 'beat'>; log: Logger }): StallWatch {
  let lastStall: Stall | null = null;
  let beatAt = performance.now();
  const beat = () => {
    reaper.beat();
    const durationMs = Math.round(performance.now() - beatAt - BEAT_EVERY_MS);
    beatAt = performance.now();
    if (durationMs < SHORTEST_STALL_MS) return;
    lastStall = { durationMs, endedAt: new Date() };
    log.warn({ durationMs }, "this process's event loop stood still");
  };
  reaper.beat();
  const timer = repeat(BEAT_EVERY_MS, beat).unref();
  return {
    get lastStall() {
      return lastStall;
    },
    stop: () => clearInterval(timer),
  };
}
