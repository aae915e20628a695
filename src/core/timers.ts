import { guarded, type OnError } from './guard.ts';

/** Longest time that Node accepts; it treats a longer one as no time at all. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `task` once, after `delayMs`, unless `clearTimeout` cancels it. An error or rejection of the task goes to
 * `onError`, by default a warning: unhandled, it would end the process. Only this function and `repeat` set timers. A
 * time of more than 24 days counts as 24 days.
 */
export function after(delayMs: number, task: () => unknown, onError?: OnError): NodeJS.Timeout {
  return setTimeout(guarded(task, onError), Math.min(delayMs, LONGEST_MS));
}

/**
 * Calls `task` every `intervalMs`, for the first time after one interval, until `clearInterval`. Handles errors like
 * `after`.
 */
export function repeat(intervalMs: number, task: () => unknown, onError?: OnError): NodeJS.Timeout {
  return setInterval(guarded(task, onError), Math.min(intervalMs, LONGEST_MS));
}
