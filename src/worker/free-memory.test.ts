import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseMemAvailable, parseVmStat, readFreeMemory, toFreeMemory } from './free-memory.ts';

describe('free memory', () => {
  it("is the machine's available memory if nothing limits the process", () => {
    expect(toFreeMemory({ totalBytes: 8_000, availableBytes: 5_000, limits: [] })).toEqual({
      freeBytes: 5_000,
      limitBytes: 8_000,
      cgroupLimitBytes: null,
    });
  });

  it('is the minimum that the machine and every group above leave, and never negative', () => {
    const outer = { limitBytes: 4_000, usedBytes: 3_500 };
    const inner = { limitBytes: 2_000, usedBytes: 500 };
    expect(toFreeMemory({ totalBytes: 8_000, availableBytes: 5_000, limits: [inner, outer] })).toEqual({
      freeBytes: 500,
      limitBytes: 2_000,
      cgroupLimitBytes: 2_000,
    });
    expect(toFreeMemory({ totalBytes: 8_000, availableBytes: 100, limits: [inner] }).freeBytes).toBe(100);
    const overdrawn = { limitBytes: 1_000, usedBytes: 1_200 };
    expect(toFreeMemory({ totalBytes: 8_000, availableBytes: 100, limits: [overdrawn] }).freeBytes).toBe(0);
  });

  it('can be read on this machine', () => {
    const { freeBytes, limitBytes, cgroupLimitBytes } = readFreeMemory();
    expect(freeBytes).toBeGreaterThan(0);
    expect(limitBytes).toBeGreaterThanOrEqual(freeBytes);
    expect(limitBytes).toBe(Math.min(os.totalmem(), cgroupLimitBytes ?? Infinity));
  });
});

describe('the figure of the system', () => {
  it('is MemAvailable on Linux, in kibibytes', () => {
    expect(parseMemAvailable('MemTotal:  2000 kB\nMemFree:  100 kB\nMemAvailable:    1500 kB\n')).toBe(1_536_000);
    expect(parseMemAvailable('MemTotal:  2000 kB\nMemFree:  100 kB\n')).toBeNull();
  });

  it('is pages of vm_stat on macOS: free, speculative and inactive', () => {
    const output = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                                5000.
Pages active:                            400000.
Pages inactive:                          300000.
Pages speculative:                         1000.
Pages purgeable:                           2000.
`;
    expect(parseVmStat(output)).toBe(306_000 * 16_384);
    expect(parseVmStat('something else')).toBeNull();
  });
});
