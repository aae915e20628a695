interface RepeatOptions {
  readonly times: number;
  readonly concurrency: number;
  readonly work: () => Promise<void>;
}

/** Calls `work` so many `times`, `concurrency` at once, after a tenth to warm up; returns calls a second. */
export async function measureRate({ times, concurrency, work }: RepeatOptions): Promise<number> {
  await repeat({ times: Math.max(concurrency, times / 10), concurrency, work });
  return (times * 1_000) / (await repeat({ times, concurrency, work }));
}

/** Calls `work` so many `times`, `concurrency` at once; returns the milliseconds it took. */
export async function repeat({ times, concurrency, work }: RepeatOptions): Promise<number> {
  let begun = 0;
  const keepWorking = async () => {
    while (begun++ < times) await work();
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, keepWorking));
  return performance.now() - startedAt;
}
