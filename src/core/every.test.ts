import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { every } from './every.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it('runs a task now, after a part of the interval, and then at each interval, until it is stopped', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.25);
  const at: number[] = [];
  const startedAt = Date.now();
  const task = async () => void at.push(Date.now() - startedAt);
  const stop = every({ intervalMs: 1_000, task, onError: () => {} });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(at).toEqual([0, 250, 1_250, 2_250]);
  await stop();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(at).toHaveLength(4);
});

it('goes on after an error, and stops before the second run as well', async () => {
  const errors: unknown[] = [];
  const task = async () => {
    throw new Error('no luck');
  };
  const stop = every({ intervalMs: 1_000, task, onError: (error) => errors.push(error) });
  await vi.advanceTimersByTimeAsync(2_500);
  expect(errors.length).toBeGreaterThanOrEqual(3);
  const another = every({ intervalMs: 1_000, task, onError: (error) => errors.push(error) });
  await Promise.all([stop(), another()]);
  const { length } = errors;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(errors).toHaveLength(length);
});
