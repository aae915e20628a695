import { useDocumentVisibility } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { client } from '../../../data/client.ts';
import { createRunLog, type RunLog } from './run-log.ts';

/** State of following a run. */
export interface LogState {
  readonly log: RunLog;
  /** Increases with each change to draw. */
  readonly version: number;
  /** True when all existing events have been read. */
  readonly isRead: boolean;
  /** True while connected, and after the end of the run. */
  readonly isLive: boolean;
  /** Error that ended following; null otherwise. */
  readonly error: unknown;
}

const WHILE_READING_MS = 150;

/** Follows a run from its first event to its last, each once. Draws at most once per frame. */
export function useRunLog(runId: string): LogState {
  const store = useMemo(() => createLogStore(runId), [runId]);
  const visibility = useDocumentVisibility();
  const isVisible = visibility !== 'hidden';
  const wasVisible = useRef(isVisible);

  useEffect(() => {
    wasVisible.current = isVisible;
    if (!isVisible) return;
    return store.follow();
  }, [store, isVisible]);

  return useSyncExternalStore(store.subscribe, store.read);
}

function createLogStore(runId: string) {
  const log = createRunLog();
  const listeners = new Set<() => void>();
  let state: LogState = { log, version: 0, isRead: false, isLive: false, error: null };
  let isDrawing = false;

  function draw(): void {
    isDrawing = false;
    state = { ...state, version: state.version + 1 };
    for (const listener of listeners) listener();
  }

  function change(next: Partial<LogState>): void {
    state = { ...state, ...next };
    if (isDrawing) return;
    isDrawing = true;
    // Drawing each frame of a long log would take longer than reading it.
    if (state.isRead || state.version === 0) requestAnimationFrame(draw);
    else setTimeout(() => requestAnimationFrame(draw), WHILE_READING_MS);
  }

  async function read(signal: AbortSignal): Promise<void> {
    try {
      const events = client.stream(runId, {
        after: log.lastSeq,
        signal,
        onOpen: () => change({ isLive: true, error: null }),
        onInterruption: () => change({ isLive: false }),
      });
      let quietAt = performance.now();
      for await (const event of events) {
        log.push(event);
        // Existing events arrive together; an event after a pause is new.
        const now = performance.now();
        change(now - quietAt > 100 ? { isRead: true } : {});
        quietAt = now;
      }
      if (!signal.aborted) change({ isRead: true, isLive: true });
    } catch (error) {
      if (!signal.aborted) change({ isLive: false, error });
    }
  }

  return {
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    read: () => state,
    follow() {
      if (log.isOver) return undefined;
      const controller = new AbortController();
      void read(controller.signal);
      const timer = setTimeout(() => change({ isRead: true }), 1_000);
      return () => {
        clearTimeout(timer);
        controller.abort();
      };
    },
  };
}
