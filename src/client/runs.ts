import type {
  AcceptedRunResource,
  CancelSelection,
  RetrySelection,
  RunCountResource,
  RunResource,
  SkippedRun,
  Submission,
} from '../api/contract.ts';
import type { LonghaulEvent, StreamedEvent } from './events.ts';
import { isFinalEvent } from './events.ts';
import { followEvents, type FollowAllOptions, type FollowOptions } from './follow-events.ts';
import { jsonBody, postOnce } from './json-body.ts';
import type { RunChoice, RunFilter, RunPage } from './lists.ts';
import type { Transport } from './transport.ts';
import { waitForEnd } from './wait-for-end.ts';

export interface OnceOptions {
  /** Idempotency key: a repetition with the same key gets the same answer. Defaults to a new key for each call. */
  readonly idempotencyKey?: string | undefined;
}

export interface EventPage {
  readonly data: LonghaulEvent[];
  /** Continues the log; null when there is no more. */
  readonly nextCursor: number | null;
}

/** The outcome of a request for several runs. */
export interface BulkResult {
  readonly data: RunResource[];
  /** The runs that were left out, with the reason. */
  readonly skipped: SkippedRun[];
  /** The `cursor` for the next runs; null after the last page. */
  readonly nextCursor: string | null;
}

/** Methods that submit, follow and end runs. */
export interface RunMethods {
  /**
   * Submits a run and returns it at once, queued. Without an answer the submission is repeated, and never creates two
   * runs.
   */
  submit(submission: Submission, options?: OnceOptions): Promise<AcceptedRunResource>;
  /** Submits up to 1,000 runs, all or none, and returns them in order. */
  submitMany(runs: readonly Submission[], options?: OnceOptions): Promise<RunResource[]>;
  /** Reads a run; with `waitSeconds` (at most 60) it returns when the run has ended or the time is up. */
  getRun(id: string, options?: { waitSeconds?: number | undefined }): Promise<RunResource>;
  /**
   * Waits until a run has ended, however long that takes and in spite of failures of connections and servers, and
   * returns it. Throws the reason of `signal` when that aborts; otherwise only a rejection ends it.
   */
  wait(id: string, options?: { signal?: AbortSignal | undefined }): Promise<RunResource>;
  /** Lists runs, newest first, one page at a time. */
  listRuns(filter?: RunFilter): Promise<RunPage>;
  /**
   * Follows a run: yields every event after `after` (a `seq`; by default all), once and in order, as it happens, up to
   * the final one. A broken connection is resumed where it broke, for as long as it takes; only a rejection ends it.
   * Ends without an error when `signal` aborts.
   */
  stream(id: string, options?: FollowOptions): AsyncGenerator<LonghaulEvent, void, void>;
  /**
   * Follows every run that the key or token may see: yields each event after `after` (a `cursor`; by default from now
   * on), once and in order, for as long as it is read. Like `stream`, it resumes broken connections; `onOpen` reports
   * an open one.
   */
  streamAll(options?: FollowAllOptions): AsyncGenerator<StreamedEvent, void, void>;
  /** Reads a page of a run's log: up to `limit` events (50, at most 200) after `after`. */
  eventPage(id: string, options?: { after?: number; limit?: number; signal?: AbortSignal }): Promise<EventPage>;
  /** Requests the cancellation of a run and returns its current state. A running run ends within seconds. */
  cancel(id: string): Promise<RunResource>;
  /** Retries a run that has failed or was cancelled; returns the new run, whose `retryOf` is the old one. */
  retry(id: string, options?: OnceOptions): Promise<RunResource>;
  /** Retries several runs: the named ones, or failed runs that match. */
  retryMany(selection: RetrySelection): Promise<BulkResult>;
  /** Cancels several runs: the named ones, or unfinished runs that match. */
  cancelMany(selection: CancelSelection): Promise<BulkResult>;
  /** Counts runs, up to 10,000. */
  countRuns(choice?: RunChoice): Promise<RunCountResource>;
  /** Streams all matching runs, newest first, as CSV or as lines of JSON. */
  exportRuns(
    choice?: RunChoice,
    options?: { format?: 'csv' | 'jsonl' | undefined; signal?: AbortSignal | undefined },
  ): Promise<ReadableStream<Uint8Array>>;
  /** @deprecated Use `getRun`. */
  run(id: string, options?: { waitSeconds?: number | undefined }): Promise<RunResource>;
  /** @deprecated Use `listRuns`. */
  runs(filter?: RunFilter): Promise<RunPage>;
}

export function createRunMethods(transport: Transport): RunMethods {
  const { requestJson, requestStream, toQuery } = transport;
  const readPage: RunMethods['eventPage'] = (id, { signal, ...query } = {}) =>
    requestJson(`${runPath(id)}/events${toQuery(query)}`, { signal });
  const getRun: RunMethods['getRun'] = (id, { waitSeconds } = {}) =>
    requestJson(`${runPath(id)}${toQuery({ wait: waitSeconds })}`, { timeoutMs: 60_000 + (waitSeconds ?? 0) * 1_000 });
  const listRuns: RunMethods['listRuns'] = (filter = {}) => requestJson(`/v1/runs${toQuery({ ...filter })}`);

  async function* stream(id: string, options: FollowOptions = {}): AsyncGenerator<LonghaulEvent, void, void> {
    const source = followEvents({
      ...options,
      after: options.after ?? 0,
      connect: (after, signal) =>
        requestStream(`${runPath(id)}/events${toQuery({ after: after ?? undefined })}`, signal),
      // In this order: events that were written before the end was read are in the page.
      async isOver(after) {
        const { finishedAt } = await requestJson<RunResource>(runPath(id), { signal: options.signal });
        return finishedAt !== null && (await readPage(id, { after, limit: 1 })).data.length === 0;
      },
    });
    for await (const { cursor: _, ...event } of source) {
      yield event;
      if (isFinalEvent(event)) return;
    }
  }

  return {
    submit: (submission, { idempotencyKey } = {}) => requestJson('/v1/runs', postOnce(submission, idempotencyKey)),
    async submitMany(runs, { idempotencyKey } = {}) {
      const { data } = await requestJson<{ data: RunResource[] }>('/v1/runs/batch', postOnce({ runs }, idempotencyKey));
      return data;
    },
    getRun,
    wait: (id, { signal } = {}) => waitForEnd(transport, { path: runPath(id), signal }),
    listRuns,
    stream,
    streamAll: ({ types, ...options } = {}) =>
      followEvents({
        ...options,
        connect: (after, signal) => requestStream(`/v1/stream${toQuery({ after: after ?? undefined, types })}`, signal),
      }),
    eventPage: readPage,
    // Repeatable, because cancelling a run again has no further effect.
    cancel: (id) => requestJson(`${runPath(id)}/cancel`, { method: 'POST', isRepeatable: true }),
    retry: (id, { idempotencyKey } = {}) => requestJson(`${runPath(id)}/retry`, postOnce(undefined, idempotencyKey)),
    retryMany: (selection) => requestJson('/v1/runs/retry', jsonBody('POST', selection)),
    cancelMany: (selection) => requestJson('/v1/runs/cancel', jsonBody('POST', selection)),
    countRuns: (choice = {}) => requestJson(`/v1/runs/count${toQuery({ ...choice })}`),
    async exportRuns(choice = {}, { format = 'csv', signal } = {}) {
      const accept = format === 'csv' ? 'text/csv' : 'application/jsonl';
      const { body } = await requestStream(`/v1/runs/export${toQuery({ ...choice, format })}`, signal, accept);
      return body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    run: getRun,
    runs: listRuns,
  };
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}
