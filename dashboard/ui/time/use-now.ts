import { useSyncExternalStore } from 'react';

const TICK_MS = 1_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    now = Date.now();
    for (const one of listeners) one();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Returns the current time to the second, for relative times and durations. The page has a single timer. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** Computes a value from the current time. The component is drawn only when the value changes, not each second. */
export function useFromNow<T extends string | number | boolean>(toValue: (now: number) => T): T {
  return useSyncExternalStore(subscribe, () => toValue(now));
}
