import { guarded, type OnError } from './guard.ts';
import { after, repeat } from './timers.ts';

interface EveryOptions {
  readonly intervalMs: number;
  readonly task: () => Promise<void>;
  readonly onError: OnError;
}

/**
 * Runs `task` now and at each interval, never twice at once, whether it succeeds or fails. Returns a function that
 * stops it and waits for the current task.
 *
 * The first interval has a random length: the tasks of a process, and of processes that start together, would otherwise
 * ask the database at the same instant for ever, each over another connection.
 */
export function every({ intervalMs, task, onError }: EveryOptions): () => Promise<void> {
  let running: Promise<void> | null = null;
  const run = () => {
    // Inside the promise, so that a task that throws synchronously is handled like a rejection.
    running ??= (async () => task())()
      .catch(guarded(onError))
      .finally(() => {
        running = null;
      });
  };
  run();
  let timer = after(Math.random() * intervalMs, () => {
    run();
    timer = repeat(intervalMs, run, onError);
  });
  return async () => {
    clearInterval(timer);
    await running;
  };
}
