interface RateOptions {
  readonly times: number;
  readonly concurrency: number;
  readonly work: () => Promise<void>;
}

/** Does `work` so many times, `concurrency` of it at once, and gives how often a second; a tenth of it first, to warm up. */
export async function measureRate({ times, concurrency, work }: RateOptions): Promise<number> {
  await repeat({ times: Math.max(concurrency, times / 10), concurrency, work });
  const startedAt = performance.now();
  await repeat({ times, concurrency, work });
  return (times * 1_000) / (performance.now() - startedAt);
}

async function repeat({ times, concurrency, work }: RateOptions): Promise<void> {
  let begun = 0;
  const keepWorking = async () => {
    while (begun++ < times) await work();
  };
  await Promise.all(Array.from({ length: concurrency }, keepWorking));
}
