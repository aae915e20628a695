interface EveryOptions {
  readonly intervalMs: number;
  readonly task: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Does `task` now and every so often, never twice at once, whatever becomes of it. Returns what ends it, and waits for it. */
export function every({ intervalMs, task, onError }: EveryOptions): () => Promise<void> {
  let running: Promise<void> | null = null;
  const run = () => {
    running ??= task()
      .catch(onError)
      .finally(() => {
        running = null;
      });
  };
  run();
  const timer = setInterval(run, intervalMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}
