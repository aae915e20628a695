interface RepeatOptions {
  readonly times: number;
  readonly concurrency: number;
  readonly work: () => Promise<void>;
}

/** Does `work` so many times, `concurrency` of it at once, and gives how often a second; a tenth of it first, to warm up. */
export async function measureRate({ times, concurrency, work }: RepeatOptions): Promise<number> {
  await repeat({ times: Math.max(concurrency, times / 10), concurrency, work });
  return (times * 1_000) / (await repeat({ times, concurrency, work }));
}

/** Does `work` so many times, `concurrency` of it at once, and gives the milliseconds it took. */
export async function repeat({ times, concurrency, work }: RepeatOptions): Promise<number> {
  let begun = 0;
  const keepWorking = async () => {
    while (begun++ < times) await work();
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, keepWorking));
  return performance.now() - startedAt;
}
