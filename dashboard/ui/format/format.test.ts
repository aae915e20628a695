import { describe, expect, it } from 'vitest';
import { cpuTimeOf } from '../../cpu-time.fixture.ts';
import {
  firstLine,
  formatBytes,
  formatCompact,
  formatDuration,
  formatInstant,
  formatRelative,
  formatShare,
  formatUsd,
} from './format.ts';

describe('figures on the dashboard', () => {
  it('show money to the last of its six decimals, and never fewer than two', () => {
    const amounts = [0, 0.000_001, 0.1, 12.3, 1_234.567_89, -0.25, 5];
    expect(amounts.map(formatUsd)).toEqual([
      '$0.00',
      '$0.000001',
      '$0.10',
      '$12.30',
      '$1,234.56789',
      '-$0.25',
      '$5.00',
    ]);
  });

  it('show a duration in its two largest units', () => {
    const durations = [0, 999, 1_000, 59_949, 59_951, 61_000, 3_599_000, 3_600_000, 5_400_000, 86_400_000, 180_000_000];
    expect(durations.map(formatDuration)).toEqual([
      '0 ms',
      '999 ms',
      '1.0 s',
      '59.9 s',
      '1 m',
      '1 m 1 s',
      '59 m 59 s',
      '1 h',
      '1 h 30 m',
      '1 d',
      '2 d 2 h',
    ]);
  });

  it('show a moment by how far it is, into the past and into the future', () => {
    const now = Date.parse('2026-03-10T12:00:00Z');
    const distances = [0, 1_400, 59_000, 60_000, 3_600_000, 90_000_000, -61_000];
    expect(distances.map((distance) => formatRelative(now - distance, now))).toEqual([
      'now',
      '1 s ago',
      '59 s ago',
      '1 min ago',
      '1 h ago',
      '1 d ago',
      'in 1 min',
    ]);
    expect(formatInstant(now)).toMatch(/^10 Mar 2026, \d\d:00:00\.000 /);
  });

  it('round no share to all or nothing that is neither', () => {
    expect([0, 0.000_4, 0.125, 0.999_6, 1].map(formatShare)).toEqual(['0 %', '< 0.1 %', '12.5 %', '> 99.9 %', '100 %']);
  });

  it('show large numbers and sizes in short', () => {
    expect([999, 12_345, 1_234_567].map(formatCompact)).toEqual(['999', '12.3K', '1.2M']);
    expect([0, 999, 1_500, 262_144_000].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '262 MB']);
  });

  it('take the first line that says something, in time that does not grow with the text', () => {
    expect(firstLine('\n  \n  Hello there \nsecond')).toBe('Hello there');
    const [blank, long] = [`${' '.repeat(5_000_000)}x`, 'x'.repeat(5_000_000)];
    const usedMs = cpuTimeOf(() => {
      expect(firstLine(blank)).toBe('');
      expect(firstLine(long)).toHaveLength(300);
    });
    expect(usedMs).toBeLessThan(100);
  });
});
