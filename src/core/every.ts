import { guarded, type OnError } from './guard.ts';
import { repeat } from './timers.ts';

interface EveryOptions {
  readonly intervalMs: number;
  readonly task: () => Promise<void>;
  readonly onError: OnError;
}

/** Does `task` now and every so often, never twice at once, whatever becomes of it. Returns what ends it, and waits for it. */
export function every({ intervalMs, task, onError }: EveryOptions): () => Promise<void> {
  let running: Promise<void> | null = null;
  const run = () => {
    // Inside the promise: a task that throws at once is heard like one that rejects.
    running ??= (async () => task())()
      .catch(guarded(onError))
      .finally(() => {
        running = null;
      });
  };
  run();
  const timer = repeat(intervalMs, run, onError);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
