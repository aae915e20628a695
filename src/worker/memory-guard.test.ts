import { describe, expect, it } from 'vitest';
import { watchOwnMemory } from './memory-guard.ts';

/** Watches `readings`, one a millisecond, the last one forever; resolves with the growth, or null after 20 more. */
async function watch(readings: (number | Error)[]) {
  const { promise, resolve } = Promise.withResolvers<{ baselineBytes: number; residentBytes: number } | null>();
  let reads = 0;
  const stop = watchOwnMemory({
    limitBytes: 100,
    settled: Promise.resolve(),
    onExceeded: resolve,
    everyMs: 1,
    readResidentBytes() {
      reads += 1;
      if (reads === readings.length + 20) resolve(null);
      const reading = readings[Math.min(reads, readings.length) - 1] ?? 0;
      if (reading instanceof Error) throw reading;
      return reading;
    },
  });
  const growth = await promise;
  stop();
  return growth;
}

describe('the guard of a worker’s own memory', () => {
  it('reports a process that stays above its baseline by more than the limit', async () => {
    expect(await watch([500, 550, 601, 602, 603])).toEqual({ baselineBytes: 500, residentBytes: 603 });
  });

  it('reports nothing at the limit, or for a peak that goes away', async () => {
    expect(await watch([500, 600, 600, 600, 600])).toBeNull();
    expect(await watch([500, 700, 700, 550])).toBeNull();
    expect(await watch([500, 700, 550, 700, 700, 550])).toBeNull();
  });

  it('skips a reading that the system refuses, also the first', async () => {
    const refused = new Error('ENOENT: no such file or directory, uv_resident_set_memory');
    expect(await watch([refused, 500, 601, refused, 602, refused, 603])).toEqual({
      baselineBytes: 500,
      residentBytes: 603,
    });
  });

  it('has no baseline before the process has settled', () => {
    const settled = Promise.withResolvers<void>();
    const stop = watchOwnMemory({
      limitBytes: 1,
      settled: settled.promise,
      onExceeded: () => expect.unreachable(),
      readResidentBytes: () => expect.unreachable(),
    });
    stop();
  });

  it('does nothing after it was stopped, even if the process settles afterwards', async () => {
    const settled = Promise.withResolvers<void>();
    const stop = watchOwnMemory({
      limitBytes: 1,
      settled: settled.promise,
      onExceeded: () => expect.unreachable(),
      readResidentBytes: () => expect.unreachable(),
    });
    stop();
    settled.resolve();
    await settled.promise;
  });
});
