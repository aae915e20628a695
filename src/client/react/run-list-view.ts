import type { LonghaulClient, RunResource } from '../client.ts';
import { LonghaulNotFoundError } from '../errors.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Frames } from './frames.ts';
import { keepTrying } from './keep-trying.ts';
import { createRefresher } from './refresher.ts';
import { statusAfter } from './status-after.ts';
import { createView, type View } from './view.ts';

/** What a page shows of all the runs its token may see. */
export interface RunListState {
  /** Newest first. */
  readonly runs: readonly RunResource[];
  /** Whether there are older ones, for `loadMore`. */
  readonly hasMore: boolean;
  /** Why nothing can be shown, or no more: a refusal. */
  readonly error: Error | null;
  /** Whether what is shown is how things are now: it was read, and the connection stands. */
  readonly isLive: boolean;
}

export const NO_RUNS: RunListState = { runs: [], hasMore: false, error: null, isLive: false };

interface RunListOptions {
  readonly client: LonghaulClient;
  readonly connection: Connection;
  readonly frames: Frames;
}

/** The runs that may be seen, kept up by their events: what an event is about is read anew. */
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
      // Ids rise with time.
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

    /** Older than any that is listed, and so on a page that was not asked for. */
    const isBeyond = (id: string) => nextCursor !== null && !runs.has(id) && id < nextCursor;

    async function readOne(id: string): Promise<void> {
      try {
        const run = await keepTrying(() => client.run(id), signal);
        if (run === null) return;
        runs.set(id, run);
        change();
      } catch (error) {
        // It was removed meanwhile.
        if (!(error instanceof LonghaulNotFoundError)) throw error;
        runs.delete(id);
      }
    }

    const stop = connection.read({
      onState(state) {
        link = state;
        // Given up, and begun anew by whoever looks next: what happened between is not known.
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
