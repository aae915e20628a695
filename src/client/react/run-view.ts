import {
  createTextReader,
  isFinalEvent,
  type LonghaulClient,
  type LonghaulEvent,
  type RunResource,
} from '../client.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Frames } from './frames.ts';
import { keepTrying } from './keep-trying.ts';
import { createRefresher } from './refresher.ts';
import { statusAfter } from './status-after.ts';
import { createView, type View } from './view.ts';

/** What a page shows of a run. */
export interface RunState {
  /** The run; null before it was read. Its `error` says why it did not succeed, in words that are safe for users. */
  readonly run: RunResource | null;
  /** What the agent has said by now, growing as it speaks. */
  readonly text: string;
  /** All it has done by now, in order. The pieces of its text are left out: they are in `text`. */
  readonly events: readonly LonghaulEvent[];
  /** What waits for a person to be decided on. */
  readonly approvals: readonly LonghaulEvent<'approval.requested'>['data'][];
  /** How the run stands; null before that is known. */
  readonly status: RunResource['status'] | null;
  /** Why nothing can be shown, or no more: a refusal. Null otherwise, also while a connection is taken up again. */
  readonly error: Error | null;
  /** Whether what is shown is how things are now: it was read, and the connection stands. */
  readonly isLive: boolean;
}

export const NO_RUN: RunState = {
  run: null,
  text: '',
  events: [],
  approvals: [],
  status: null,
  error: null,
  isLive: false,
};

const PAGE = 200;

interface RunViewOptions {
  readonly client: LonghaulClient;
  readonly connection: Connection;
  readonly frames: Frames;
  readonly id: string;
}

/**
 * A run's log and what follows from it. The log up to now is read in pages, what comes then from the connection; an event
 * that does not follow the last one known sends it back to the pages, so that nothing is missing and nothing comes twice.
 */
export function createRunView({ client, connection, frames, id }: RunViewOptions): View<RunState> {
  const text = createTextReader();
  const events: LonghaulEvent[] = [];
  const approvals = new Map<string, LonghaulEvent<'approval.requested'>['data']>();
  let run: RunResource | null = null;
  let status: RunResource['status'] | null = null;
  let refusal: Error | null = null;
  let link: ConnectionState = { isOpen: false, error: null };
  let lastSeq = 0;
  let hasRead = false;

  const { view, change } = createView<RunState>({ frames, initial: NO_RUN, read: readState, keepUp });

  function readState(): RunState {
    return {
      run: run !== null && status !== null && run.status !== status ? { ...run, status } : run,
      text: text.text,
      events: [...events],
      approvals: [...approvals.values()],
      status,
      error: refusal ?? link.error,
      isLive: hasRead && link.isOpen,
    };
  }

  function take(event: LonghaulEvent): void {
    if (event.seq <= lastSeq) return;
    lastSeq = event.seq;
    text.push(event);
    if (event.type !== 'agent.text.delta') events.push(event);
    if (event.type === 'approval.requested') approvals.set(event.data.approvalId, event.data);
    if (event.type === 'approval.resolved') approvals.delete(event.data.approvalId);
    if (isFinalEvent(event)) approvals.clear();
    status = statusAfter(event) ?? status;
    change();
  }

  function keepUp(): () => void {
    const controller = new AbortController();
    const { signal } = controller;
    /** What has come and was not taken yet, because something before it is being read. */
    let pending: LonghaulEvent[] = [];
    let isReading = false;

    const onError = (error: unknown) => {
      if (signal.aborted) return;
      refusal = error as Error;
      change();
    };

    const refreshRun = createRefresher(async () => {
      const read = await keepTrying(() => client.run(id), signal);
      if (read === null) return;
      run = read;
      // The log says it first; before it was read, the run does.
      status ??= read.status;
      change();
    });

    async function readLog(): Promise<void> {
      for (let isWhole = false; !isWhole;) {
        const page = await keepTrying(() => client.eventPage(id, { after: lastSeq, limit: PAGE, signal }), signal);
        if (page === null) return;
        page.data.forEach(take);
        isWhole = page.data.length < PAGE;
      }
    }

    async function readUp(): Promise<void> {
      isReading = true;
      try {
        await Promise.all([readLog(), refreshRun()]);
        if (signal.aborted) return;
        hasRead = true;
        refusal = null;
        const come = pending;
        pending = [];
        come.forEach(take);
        change();
      } finally {
        isReading = false;
      }
    }

    const stop = connection.read({
      onState(state) {
        link = state;
        // Given up, and begun anew by whoever looks next: what happened between is not known.
        if (state.error !== null) hasRead = false;
        // Only once the connection stands: what happens after the pages were read then comes over it.
        if (state.isOpen && !hasRead && !isReading) readUp().catch(onError);
        change();
      },
      onEvent(event) {
        if (event.runId !== id) return;
        if (hasRead && !isReading && event.seq <= lastSeq + 1) {
          take(event);
        } else {
          pending.push(event);
          if (!isReading) readUp().catch(onError);
        }
        if (statusAfter(event) !== null) refreshRun().catch(onError);
      },
    });
    return () => {
      controller.abort();
      stop();
      // Whoever looks again reads on from where this was.
      hasRead = false;
    };
  }

  return view;
}
