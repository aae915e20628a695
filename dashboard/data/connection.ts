import { useSyncExternalStore } from 'react';
import { LonghaulNetworkError } from 'longhaul/client';

let isConnected = true;
const listeners = new Set<() => void>();

/** Notes whether the server responded to a request, with any status. */
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

/** Returns whether the server responded to the latest request. */
export function useIsConnected(): boolean {
  return useSyncExternalStore(subscribe, () => isConnected);
}
