import { guarded, type OnError } from './guard.ts';

/** Node takes a longer time for none at all. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `task` once, after `delayMs`, unless `clearTimeout` comes first. What it throws, or its promise rejects with, goes
 * to `onError`, by default a warning: unheard, it would end the process. With `repeat` the only place that sets timers. A
 * time of more than 24 days is taken for 24 days.
 */
export function after(delayMs: number, task: () => unknown, onError?: OnError): NodeJS.Timeout {
  return setTimeout(guarded(task, onError), Math.min(delayMs, LONGEST_MS));
}

/** Calls `task` every `intervalMs`, the first time after that, until `clearInterval`. Errors go the way of `after`'s. */
export function repeat(intervalMs: number, task: () => unknown, onError?: OnError): NodeJS.Timeout {
  return setInterval(guarded(task, onError), Math.min(intervalMs, LONGEST_MS));
}
