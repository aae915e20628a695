import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchForHang } from './watchdog.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watch() {
  const state = { messages: 0, isWaiting: false, hung: 0 };
  const stop = watchForHang({
    timeoutMs: 60_000,
    countMessages: () => state.messages,
    isWaiting: () => state.isWaiting,
    onHung: () => (state.hung += 1),
  });
  return { state, stop };
}

test('a process that sends nothing and waits for nothing is reported as hung once, after the timeout', () => {
  const { state } = watch();
  vi.advanceTimersByTime(59_000);
  expect(state.hung).toBe(0);
  vi.advanceTimersByTime(1_000);
  expect(state.hung).toBe(1);
  vi.advanceTimersByTime(600_000);
  expect(state.hung).toBe(1);
});

test('a process that sends a message now and then is not hung', () => {
  const { state } = watch();
  for (let minute = 0; minute < 10; minute++) {
    vi.advanceTimersByTime(54_000);
    state.messages += 1;
  }
  expect(state.hung).toBe(0);
});

test('a process that waits for the model or a tool is not hung, however long that takes', () => {
  const { state } = watch();
  state.isWaiting = true;
  vi.advanceTimersByTime(3_600_000);
  expect(state.hung).toBe(0);
  // From then on the time counts in full.
  state.isWaiting = false;
  vi.advanceTimersByTime(54_000);
  expect(state.hung).toBe(0);
  vi.advanceTimersByTime(6_000);
  expect(state.hung).toBe(1);
});

test('a watch that has ended reports nothing more and leaves no timer', () => {
  const { state, stop } = watch();
  stop();
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(600_000);
  expect(state.hung).toBe(0);
});
