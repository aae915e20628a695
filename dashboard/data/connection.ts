import { useSyncExternalStore } from 'react';
import { LonghaulNetworkError } from 'longhaul/client';

let isConnected = true;
const listeners = new Set<() => void>();

/** Takes down what became of a request: whether the server answered, whatever it said. */
export function noteAnswer(error: unknown): void {
  const next = !(error instanceof LonghaulNetworkError);
  if (next === isConnected) return;
  isConnected = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the server answered the last time it was asked. */
export function useIsConnected(): boolean {
  return useSyncExternalStore(subscribe, () => isConnected);
}
