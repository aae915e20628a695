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

/** The runs that were read, and how far. */
interface RunList {
  readonly runs: Map<string, RunResource>;
  nextCursor: string | null;
  refusal: Error | null;
  link: ConnectionState;
  hasRead: boolean;
}

/** Creates the list of visible runs, which events keep up to date: the run of an event is read again. */
export function createRunListView({ client, connection, frames }: RunListOptions): {
  readonly view: View<RunListState>;
  readonly loadMore: () => Promise<void>;
} {
  const link: ConnectionState = { isOpen: false, error: null };
  const list: RunList = { runs: new Map(), nextCursor: null, refusal: null, link, hasRead: false };
  const { view, change } = createView<RunListState>({
    frames,
    initial: NO_RUNS,
    read: () => toListState(list),
    keepUp: (): (() => void) => keepUp({ client, connection, list, change }),
  });
  return {
    view,
    async loadMore() {
      if (list.nextCursor === null) return;
      const page = await client.listRuns({ cursor: list.nextCursor });
      for (const run of page.data) if (!list.runs.has(run.id)) list.runs.set(run.id, run);
      list.nextCursor = page.nextCursor;
      change();
    },
  };
}

function toListState({ runs, nextCursor, refusal, link, hasRead }: RunList): RunListState {
  return {
    // Ids increase with time.
    runs: [...runs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)),
    hasMore: nextCursor !== null,
    error: refusal ?? link.error,
    isLive: hasRead && link.isOpen,
  };
}

interface KeepUpOptions extends Omit<RunListOptions, 'frames'> {
  readonly list: RunList;
  /** Shows the changed list. */
  readonly change: () => void;
}

/** Keeps the list up to date. Returns a function that stops it. */
function keepUp({ client, connection, list, change }: KeepUpOptions): () => void {
  const { runs } = list;
  const controller = new AbortController();
  const { signal } = controller;
  const refreshers = new Map<string, () => Promise<void>>();
  const onError = (error: unknown) => {
    if (signal.aborted) return;
    list.refusal = error as Error;
    change();
  };

  const readFirst = createRefresher(async () => {
    const page = await keepTrying(() => client.listRuns(), signal);
    if (page === null) return;
    for (const run of page.data) runs.set(run.id, run);
    if (!list.hasRead) list.nextCursor = page.nextCursor;
    list.hasRead = true;
    list.refusal = null;
    change();
  });

  /** Returns whether a run is older than every listed one, and so on a page that was not requested. */
  const isBeyond = (id: string) => list.nextCursor !== null && !runs.has(id) && id < list.nextCursor;

  async function readOne(id: string): Promise<void> {
    try {
      const run = await keepTrying(() => client.getRun(id), signal);
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
    onState(link) {
      list.link = link;
      // The connection ended, and the next subscriber opens it again: events in between are unknown.
      if (link.error !== null) list.hasRead = false;
      if (link.isOpen && !list.hasRead) readFirst().catch(onError);
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
    list.hasRead = false;
  };
}
