import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LOOK_EVERY_MS } from './timing.ts';
import { createWatches } from './watches.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();

it('lets a watcher that was busy at the time to look do so at once, and then wait as usual', async () => {
  const watches = createWatches();
  const watcher = watches.enter('run');
  vi.advanceTimersByTime(LOOK_EVERY_MS);
  expect(await watcher.wait({ signal })).toBe(false);
  const changed = watcher.wait({ signal });
  vi.advanceTimersByTime(LOOK_EVERY_MS - 1);
  watches.wake('run');
  expect(await changed).toBe(true);
  const due = watcher.wait({ signal });
  vi.advanceTimersByTime(1);
  expect(await due).toBe(false);
  watcher.leave();
  expect(vi.getTimerCount()).toBe(0);
});

it('stops its clocks when it is closed, and wakes watchers that are still there', async () => {
  const watches = createWatches();
  const woken = watches.enter('one').wait({ signal });
  watches.enter('other');
  expect(vi.getTimerCount()).toBe(2);
  watches.close();
  expect(await woken).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
