import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useDocumentVisibility } from '@mantine/hooks';
import type { LonghaulEvent } from 'longhaul/client';
import { useEffect, useSyncExternalStore } from 'react';
import { client } from './client.ts';
import { useRights } from './signed-in.ts';

/** What lists and figures follow from. What agents say and do is for those who look at their run. */
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

/** However much happens, so often at most is anything read again. */
const FLUSH_MS = 1_000;
/** Sums over many runs. */
const FLUSH_SUMS_MS = 10_000;

/** A tab that nobody looks at keeps no connection open: browsers allow six to a server. */
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

/** Whether changes are told as they happen. Else what is shown is as old as its last look. */
export function useIsLive(): boolean {
  return useSyncExternalStore(subscribe, () => isLive);
}

/** How often a list is to be read that is kept up to date anyway while the connection stands. */
export function useLookInterval(): number {
  return useIsLive() ? 30_000 : 5_000;
}

/** Keeps what is shown of runs and approvals up to date, for as long as somebody looks. Once for the whole page. */
export function useLiveUpdates(): void {
  const queries = useQueryClient();
  const { mayRead } = useRights();
  const visibility = useDocumentVisibility();

  useEffect(() => {
    if (!mayRead) return;
    const controller = new AbortController();
    const follow = () => void followRuns(queries, controller.signal);
    // One that is looked at again is up to date at once.
    const timer = visibility === 'hidden' ? setTimeout(() => controller.abort(), HIDDEN_MS) : undefined;
    if (visibility === 'visible') follow();
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [queries, mayRead, visibility]);
}

async function followRuns(queries: QueryClient, signal: AbortSignal): Promise<void> {
  const changes = gatherChanges(queries, signal);
  signal.addEventListener('abort', () => setLive(false), { once: true });
  try {
    const events = client.streamAll({
      types: TYPES,
      signal,
      onOpen: () => {
        setLive(true);
        // What happened before it stood is not told.
        changes.everything();
      },
      onInterruption: () => setLive(false),
    });
    for await (const event of events) changes.note(event);
  } catch {
    // Refused: it is looked at now and then instead, and whoever asks is told why.
    setLive(false);
  }
}

/** Says what has changed, at most so often, to what shows it. */
function gatherChanges(queries: QueryClient, signal: AbortSignal) {
  const runIds = new Set<string>();
  let isApprovalChanged = false;
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
    invalidate('runs-head', 'session', 'unfinished');
    if (isApprovalChanged) invalidate('approvals');
    isApprovalChanged = false;
    sumsTimer ??= setTimeout(() => {
      sumsTimer = undefined;
      if (!signal.aborted) invalidate('stats', 'queues', 'workers', 'costs', 'budgets');
    }, FLUSH_SUMS_MS);
  }

  return {
    note({ runId, type }: Pick<LonghaulEvent, 'runId' | 'type'>) {
      runIds.add(runId);
      isApprovalChanged ||= type.startsWith('approval.') || type.startsWith('run.');
      timer ??= setTimeout(flush, FLUSH_MS);
    },
    everything() {
      invalidate('runs-head', 'run', 'session', 'unfinished', 'approvals', 'alerts', 'stats', 'queues', 'workers');
    },
  };
}

const RUN_CHANGED = 'longhaul:run-changed';

/** Told of each run that has changed, by its id. */
export function useRunChanges(onChange: (runId: string) => void): void {
  useEffect(() => {
    const listen = (event: Event) => onChange((event as CustomEvent<string>).detail);
    addEventListener(RUN_CHANGED, listen);
    return () => removeEventListener(RUN_CHANGED, listen);
  }, [onChange]);
}
