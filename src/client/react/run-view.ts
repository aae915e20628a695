import {
  createTextReader,
  isFinalEvent,
  type LonghaulClient,
  type LonghaulEvent,
  type RunResource,
  type TextReader,
} from '../client.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Frames } from './frames.ts';
import { keepTrying } from './keep-trying.ts';
import { createRefresher } from './refresher.ts';
import { statusAfter } from './status-after.ts';
import { createView, type View } from './view.ts';

/** State of a run on a page. */
export interface RunState {
  /** The run; null until it was read. Its `error` has the reason of a failure, in words that are safe for users. */
  readonly run: RunResource | null;
  /** Text of the agent so far, which grows while it is written. */
  readonly text: string;
  /** The events so far, in order, without the pieces of text: they are in `text`. */
  readonly events: readonly LonghaulEvent[];
  /** Pending approvals. */
  readonly approvals: readonly LonghaulEvent<'approval.requested'>['data'][];
  /** Status of the run; null until it is known. */
  readonly status: RunResource['status'] | null;
  /** Rejection that keeps the run from being shown or updated. Null otherwise, also while reconnecting. */
  readonly error: Error | null;
  /** True when the state is up to date: it was read, and the connection is open. */
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

/** The events of a run, added up. */
interface RunLog {
  readonly text: TextReader;
  readonly events: LonghaulEvent[];
  readonly approvals: Map<string, LonghaulEvent<'approval.requested'>['data']>;
  status: RunResource['status'] | null;
  lastSeq: number;
}

/** The last answers of the server. */
interface ServerState {
  run: RunResource | null;
  refusal: Error | null;
  link: ConnectionState;
  /** True when the log was read up to the events of the connection. */
  hasRead: boolean;
}

/**
 * Creates the state of a run from its log. Earlier events are read in pages, later ones come from the connection. An
 * event that does not follow the last known one makes it read pages again, so that no event is missing or duplicated.
 */
export function createRunView({ client, connection, frames, id }: RunViewOptions): View<RunState> {
  const log: RunLog = { text: createTextReader(), events: [], approvals: new Map(), status: null, lastSeq: 0 };
  const state: ServerState = { run: null, refusal: null, link: { isOpen: false, error: null }, hasRead: false };
  const { view, change } = createView<RunState>({
    frames,
    initial: NO_RUN,
    read: () => toRunState(log, state),
    keepUp: (): (() => void) => keepUp({ client, connection, id, log, state, change }),
  });
  return view;
}

function toRunState(
  { text, events, approvals, status }: RunLog,
  { run, refusal, link, hasRead }: ServerState,
): RunState {
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

/** Adds an event to the log. Returns false when the log has it already. */
function addEvent(log: RunLog, event: LonghaulEvent): boolean {
  if (event.seq <= log.lastSeq) return false;
  log.lastSeq = event.seq;
  log.text.push(event);
  if (event.type !== 'agent.text.delta') log.events.push(event);
  if (event.type === 'approval.requested') log.approvals.set(event.data.approvalId, event.data);
  if (event.type === 'approval.resolved') log.approvals.delete(event.data.approvalId);
  if (isFinalEvent(event)) log.approvals.clear();
  log.status = statusAfter(event) ?? log.status;
  return true;
}

interface KeepUpOptions extends Omit<RunViewOptions, 'frames'> {
  readonly log: RunLog;
  readonly state: ServerState;
  /** Shows the changed state. */
  readonly change: () => void;
}

/** Keeps the log and the run up to date. Returns a function that stops it. */
function keepUp({ client, connection, id, log, state, change }: KeepUpOptions): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  /** Events that were received but not applied yet, because earlier ones are still being read. */
  let pending: LonghaulEvent[] = [];
  let isReading = false;

  const take = (event: LonghaulEvent) => {
    if (addEvent(log, event)) change();
  };
  const onError = (error: unknown) => {
    if (signal.aborted) return;
    state.refusal = error as Error;
    change();
  };

  const refreshRun = createRefresher(async () => {
    const read = await keepTrying(() => client.getRun(id), signal);
    if (read === null) return;
    state.run = read;
    // The log has the status first; until the log was read, the run has it.
    log.status ??= read.status;
    change();
  });

  async function readLog(): Promise<void> {
    for (let isWhole = false; !isWhole;) {
      const page = await keepTrying(() => client.eventPage(id, { after: log.lastSeq, limit: PAGE, signal }), signal);
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
      state.hasRead = true;
      state.refusal = null;
      const come = pending;
      pending = [];
      come.forEach(take);
      change();
    } finally {
      isReading = false;
    }
  }

  const stop = connection.read({
    onState(link) {
      state.link = link;
      // The connection ended, and the next subscriber opens it again: events in between are unknown.
      if (link.error !== null) state.hasRead = false;
      // Only when the connection is open: events after the pages were read then arrive over it.
      if (link.isOpen && !state.hasRead && !isReading) readUp().catch(onError);
      change();
    },
    onEvent(event) {
      if (event.runId !== id) return;
      if (state.hasRead && !isReading && event.seq <= log.lastSeq + 1) {
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
    // The next subscriber continues reading from this position.
    state.hasRead = false;
  };
}
