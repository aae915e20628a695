import { repeat } from '../core/timers.ts';

interface HangWatchOptions {
  /** How long nothing may be heard. */
  readonly timeoutMs: number;
  /** How many messages were heard so far. */
  readonly countMessages: () => number;
  /** Whether something else than the process itself is being waited for: the model, a tool. */
  readonly isWaiting: () => boolean;
  /** Called once, when the process has said nothing for that long and had nothing to wait for. */
  readonly onHung: () => void;
}

/** How often is looked within the time. */
const LOOKS = 10;

/**
 * Notices a process that does nothing. Returns what ends the watch. Time is counted in looks, not by the clock: a
 * worker that was itself stopped for a minute must not take its processes for hung.
 */
export function watchForHang({ timeoutMs, countMessages, isWaiting, onHung }: HangWatchOptions): () => void {
  let heard = countMessages();
  let quietLooks = 0;
  const timer = repeat(timeoutMs / LOOKS, () => {
    const count = countMessages();
    quietLooks = count === heard && !isWaiting() ? quietLooks + 1 : 0;
    heard = count;
    if (quietLooks < LOOKS) return;
    clearInterval(timer);
    onHung();
  });
  return () => clearInterval(timer);
}
