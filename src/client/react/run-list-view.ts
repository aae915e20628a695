import type { LonghaulClient, RunResource } from '../client.ts';
import { LonghaulNotFoundError } from '../errors.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Frames } from './frames.ts';
import { keepTrying } from './keep-trying.ts';
import { createRefresher } from './refresher.ts';
import { statusAfter } from './status-after.ts';
import { createView, type View } from './view.ts';

/** State of the list of all runs that the page's token may see. */
export interface RunListState {
  /** Newest first. */
  readonly runs: readonly RunResource[];
  /** True when there are older runs, for `loadMore`. */
  readonly hasMore: boolean;
  /** Rejection that keeps the list from being shown or updated. */
  readonly error: Error | null;
  /** True when the list is up to date: it was read, and the connection is open. */
  readonly isLive: boolean;
}

export const NO_RUNS: RunListState = { runs: [], hasMore: false, error: null, isLive: false };

interface RunListOptions {
  readonly client: LonghaulClient;
  readonly connection: Connection;
  readonly frames: Frames;
}

/** Creates the list of visible runs, which events keep up to date: the run of an event is read again. */
export function createRunListView({ client, connection, frames }: RunListOptions): {
  readonly view: View<RunListState>;
  readonly loadMore: () => Promise<void>;
} {
  const runs = new Map<string, RunResource>();
  let nextCursor: string | null = null;
  let refusal: Error | null = null;
  let link: ConnectionState = { isOpen: false, error: null };
  let hasRead = false;

  const { view, change } = createView<RunListState>({ frames, initial: NO_RUNS, read: readState, keepUp });

  function readState(): RunListState {
    return {
      // Ids increase with time.
      runs: [...runs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)),
      hasMore: nextCursor !== null,
      error: refusal ?? link.error,
      isLive: hasRead && link.isOpen,
    };
  }

  function keepUp(): () => void {
    const controller = new AbortController();
    const { signal } = controller;
    const refreshers = new Map<string, () => Promise<void>>();
    const onError = (error: unknown) => {
      if (signal.aborted) return;
      refusal = error as Error;
      change();
    };

    const readFirst = createRefresher(async () => {
      const page = await keepTrying(() => client.runs(), signal);
      if (page === null) return;
      for (const run of page.data) runs.set(run.id, run);
      if (!hasRead) ({ nextCursor } = page);
      hasRead = true;
      refusal = null;
      change();
    });

    /** Returns whether a run is older than every listed one, and so on a page that was not requested. */
    const isBeyond = (id: string) => nextCursor !== null && !runs.has(id) && id < nextCursor;

    async function readOne(id: string): Promise<void> {
      try {
        const run = await keepTrying(() => client.run(id), signal);
        if (run === null) return;
        runs.set(id, run);
        change();
      } catch (error) {
        // The run was deleted in the meantime.
        if (!(error instanceof LonghaulNotFoundError)) throw error;
        runs.delete(id);
      }
    }

    const stop = connection.read({
      onState(state) {
        link = state;
        // The connection ended, and the next subscriber opens it again: events in between are unknown.
        if (state.error !== null) hasRead = false;
        if (state.isOpen && !hasRead) readFirst().catch(onError);
        change();
      },
      onEvent(event) {
        const status = statusAfter(event);
        const { runId } = event;
        if (status === null || isBeyond(runId)) return;
        const known = runs.get(runId);
        if (known !== undefined) runs.set(runId, { ...known, status });
        change();
        const refresh = refreshers.get(runId) ?? createRefresher(() => readOne(runId));
        refreshers.set(runId, refresh);
        refresh()
          .catch(onError)
          .finally(() => refreshers.delete(runId));
      },
    });
    return () => {
      controller.abort();
      stop();
      hasRead = false;
    };
  }

  return {
    view,
    async loadMore() {
      if (nextCursor === null) return;
      const page = await client.runs({ cursor: nextCursor });
      for (const run of page.data) if (!runs.has(run.id)) runs.set(run.id, run);
      ({ nextCursor } = page);
      change();
    },
  };
}
