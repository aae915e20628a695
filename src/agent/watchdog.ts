import { repeat } from '../core/timers.ts';

interface HangWatchOptions {
  /** Time without a message after which the process counts as hung. */
  readonly timeoutMs: number;
  /** Returns the number of messages so far. */
  readonly countMessages: () => number;
  /** Returns whether the process waits for something else: the model, or a tool. */
  readonly isWaiting: () => boolean;
  /** Called once, when the process has sent no message for that time and had nothing to wait for. */
  readonly onHung: () => void;
}

/** Number of checks within the time. */
const CHECKS = 10;

/**
 * Notices a process that does nothing. Returns the function that ends the watch. Time is counted in checks, not by the
 * clock: a worker that was itself stopped for a minute must not treat its processes as hung.
 */
export function watchForHang({ timeoutMs, countMessages, isWaiting, onHung }: HangWatchOptions): () => void {
  let heard = countMessages();
  let quietChecks = 0;
  const timer = repeat(timeoutMs / CHECKS, () => {
    const count = countMessages();
    quietChecks = count === heard && !isWaiting() ? quietChecks + 1 : 0;
    heard = count;
    if (quietChecks < CHECKS) return;
    clearInterval(timer);
    onHung();
  });
  return () => clearInterval(timer);
}
