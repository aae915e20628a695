import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useDocumentVisibility } from '@mantine/hooks';
import type { LonghaulEvent } from 'longhaul/client';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { client } from './client.ts';
import { useRights } from './signed-in.ts';

/** Events that change lists and figures. Output of agents is followed only on the page of the run. */
const TYPES: readonly LonghaulEvent['type'][] = [
  'run.queued',
  'run.started',
  'run.waiting',
  'run.retrying',
  'run.succeeded',
  'run.failed',
  'run.cancelled',
  'approval.requested',
  'approval.resolved',
];

/** Minimum interval between two refetches of the same query. */
const FLUSH_MS = 1_000;
/** The same for sums over many runs. */
const FLUSH_SUMS_MS = 10_000;

/** A tab closes its connection when it has been hidden for this time: browsers allow six to a server. */
const HIDDEN_MS = 5_000;

let isLive = false;
const listeners = new Set<() => void>();

function setLive(next: boolean): void {
  if (next === isLive) return;
  isLive = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Returns whether the stream is connected. Otherwise the data is as old as the last fetch. */
export function useIsLive(): boolean {
  return useSyncExternalStore(subscribe, () => isLive);
}

/** Refetch interval of a list that the stream keeps up to date while it is connected. */
export function useLookInterval(): number {
  return useIsLive() ? 30_000 : 5_000;
}

/** Keeps runs and approvals up to date while the tab is visible. Use it once for the whole page. */
export function useLiveUpdates(): void {
  const queries = useQueryClient();
  const { mayRead } = useRights();
  const isShown = useIsShown();

  useEffect(() => {
    if (!mayRead || !isShown) return;
    const controller = new AbortController();
    void followRuns(queries, controller.signal);
    return () => controller.abort();
  }, [queries, mayRead, isShown]);
}

/** Returns whether the tab is visible, or was until `HIDDEN_MS` ago. */
function useIsShown(): boolean {
  const visibility = useDocumentVisibility();
  const [isShown, setShown] = useState(true);
  useEffect(() => {
    if (visibility === 'visible') {
      setShown(true);
      return;
    }
    const timer = setTimeout(() => setShown(false), HIDDEN_MS);
    return () => clearTimeout(timer);
  }, [visibility]);
  return isShown;
}

/** Follows all runs that the key may see (`GET /v1/stream`, SSE) until the signal aborts. */
async function followRuns(queries: QueryClient, signal: AbortSignal): Promise<void> {
  const changes = gatherChanges(queries, signal);
  signal.addEventListener('abort', () => setLive(false), { once: true });
  try {
    const events = client.streamAll({
      types: TYPES,
      signal,
      onOpen: () => {
        setLive(true);
        // The stream does not report changes from before it was connected.
        changes.everything();
      },
      onInterruption: () => setLive(false),
    });
    for await (const event of events) changes.note(event);
  } catch {
    // The server rejected the stream: pages poll instead, and their requests show the error.
    setLive(false);
  }
}

/** Invalidates the queries of changed data, at a limited rate. */
function gatherChanges(queries: QueryClient, signal: AbortSignal) {
  const runIds = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sumsTimer: ReturnType<typeof setTimeout> | undefined;

  const invalidate = (...keys: string[]) => {
    for (const key of keys) void queries.invalidateQueries({ queryKey: [key] });
  };

  function flush(): void {
    timer = undefined;
    if (signal.aborted) return;
    for (const runId of runIds) {
      void queries.invalidateQueries({ queryKey: ['run', runId] });
      dispatchEvent(new CustomEvent(RUN_CHANGED, { detail: runId }));
    }
    runIds.clear();
    // The end of a run resolves its approvals.
    invalidate('runs-head', 'session', 'unfinished', 'approvals');
    sumsTimer ??= setTimeout(() => {
      sumsTimer = undefined;
      if (!signal.aborted) invalidate('stats', 'queues', 'workers', 'costs', 'budgets');
    }, FLUSH_SUMS_MS);
  }

  return {
    note({ runId }: Pick<LonghaulEvent, 'runId'>) {
      runIds.add(runId);
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    everything() {
      invalidate('runs-head', 'run', 'session', 'unfinished', 'approvals', 'alerts', 'stats', 'queues', 'workers');
    },
  };
}

const RUN_CHANGED = 'longhaul:run-changed';

/** Calls back with the id of each changed run. */
export function useRunChanges(onChange: (runId: string) => void): void {
  useEffect(() => {
    const listen = (event: Event) => onChange((event as CustomEvent<string>).detail);
    addEventListener(RUN_CHANGED, listen);
    return () => removeEventListener(RUN_CHANGED, listen);
  }, [onChange]);
}
