import { describe, expect, it } from 'vitest';
import { createDemand } from './demand.ts';

describe('demand', () => {
  it('is the most that began within one second, for five minutes', () => {
    let nowMs = 0;
    const demand = createDemand(() => nowMs);
    expect(demand.peakOf('coder')).toBe(0);
    for (const atMs of [0, 100, 900, 1_000, 2_500]) {
      nowMs = atMs;
      demand.note('coder');
    }
    demand.note('reader');
    expect(demand.peakOf('coder')).toBe(3);
    expect(demand.peakOf('reader')).toBe(1);
    nowMs = 300_999;
    expect(demand.peakOf('coder')).toBe(3);
    nowMs = 301_000;
    expect(demand.peakOf('coder')).toBe(1);
    nowMs = 400_000;
    expect(demand.peakOf('coder')).toBe(0);
  });
});
