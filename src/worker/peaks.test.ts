import { describe, expect, it } from 'vitest';
import { createPeaks } from './peaks.ts';

describe('peaks', () => {
  it('is the most that began within one second, for five minutes', () => {
    let nowMs = 0;
    const peaks = createPeaks(() => nowMs);
    expect(peaks.peakOf('coder')).toBe(0);
    for (const atMs of [0, 100, 900, 1_000, 2_500]) {
      nowMs = atMs;
      peaks.note('coder');
    }
    peaks.note('reader');
    expect(peaks.peakOf('coder')).toBe(3);
    expect(peaks.peakOf('reader')).toBe(1);
    nowMs = 300_999;
    expect(peaks.peakOf('coder')).toBe(3);
    nowMs = 301_000;
    expect(peaks.peakOf('coder')).toBe(1);
    nowMs = 400_000;
    expect(peaks.peakOf('coder')).toBe(0);
  });
});
