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
  /** What makes it happen once: repeated with the same key, it is answered the same. Defaults to a new one for each call. */
  readonly idempotencyKey?: string | undefined;
}

export interface EventPage {
  readonly data: LonghaulEvent[];
  /** Continues the log; null when there is no more. */
  readonly nextCursor: number | null;
}

/** What became of runs that were meant together. */
export interface BulkResult {
  readonly data: RunResource[];
  /** What was left out, and why. */
  readonly skipped: SkippedRun[];
  /** For the runs behind these, as `cursor`; null: that was all. */
  readonly nextCursor: string | null;
}

/** Submitting, following and ending runs. */
export interface RunMethods {
  /** Submits a run and returns it at once, queued. Where no answer comes it is sent again, and never makes two. */
  submit(submission: Submission, options?: OnceOptions): Promise<AcceptedRunResource>;
  /** Submits up to 1,000 runs, all or none, and returns them in order. */
  submitMany(runs: readonly Submission[], options?: OnceOptions): Promise<RunResource[]>;
  /** Reads a run; with `waitSeconds` (at most 60) when it has ended or the time is up. */
  run(id: string, options?: { waitSeconds?: number | undefined }): Promise<RunResource>;
  /**
   * Waits until a run has ended, however long that takes and whatever becomes of connections and servers, and returns it.
   * Throws the reason of `signal` when that aborts; only a refusal ends it otherwise.
   */
  wait(id: string, options?: { signal?: AbortSignal | undefined }): Promise<RunResource>;
  /** Lists runs, newest first, a page at a time. */
  runs(filter?: RunFilter): Promise<RunPage>;
  /**
   * Follows a run: every event after `after` (a `seq`; by default all), once and in order, as it happens, up to the final
   * one. A broken connection is taken up again where it broke, for as long as it takes; only a refusal ends it. Ends
   * quietly when `signal` aborts.
   */
  stream(id: string, options?: FollowOptions): AsyncGenerator<LonghaulEvent, void, void>;
  /**
   * Follows every run that the key or token may see: each event after `after` (a `cursor`; by default from now on), once
   * and in order, for as long as it is read. As `stream`, it takes up again what breaks; `onOpen` says when it stands.
   */
  streamAll(options?: FollowAllOptions): AsyncGenerator<StreamedEvent, void, void>;
  /** Reads a page of a run's log: up to `limit` events (50, at most 200) after `after`. */
  eventPage(id: string, options?: { after?: number; limit?: number; signal?: AbortSignal }): Promise<EventPage>;
  /** Asks for a run to be cancelled and returns it as it stands. One that runs ends within seconds. */
  cancel(id: string): Promise<RunResource>;
  /** Tries a run again that has failed or was cancelled; returns the new run, whose `retryOf` names the old one. */
  retry(id: string, options?: OnceOptions): Promise<RunResource>;
  /** Tries many again: those named, or those that have failed and fit. */
  retryMany(selection: RetrySelection): Promise<BulkResult>;
  /** Cancels many: those named, or those that have not ended and fit. */
  cancelMany(selection: CancelSelection): Promise<BulkResult>;
  /** Counts runs, up to 10,000. */
  countRuns(choice?: RunChoice): Promise<RunCountResource>;
  /** Reads all runs that fit, newest first, as CSV or as lines of JSON, while they are read from the database. */
  exportRuns(
    choice?: RunChoice,
    options?: { format?: 'csv' | 'jsonl' | undefined; signal?: AbortSignal | undefined },
  ): Promise<ReadableStream<Uint8Array>>;
}

export function createRunMethods(transport: Transport): RunMethods {
  const { requestJson, requestStream, toQuery } = transport;
  const readPage: RunMethods['eventPage'] = (id, { signal, ...query } = {}) =>
    requestJson(`${runPath(id)}/events${toQuery(query)}`, { signal });

  async function* stream(id: string, options: FollowOptions = {}): AsyncGenerator<LonghaulEvent, void, void> {
    const source = followEvents({
      ...options,
      after: options.after ?? 0,
      connect: (after, signal) =>
        requestStream(`${runPath(id)}/events${toQuery({ after: after ?? undefined })}`, signal),
      // In this order: what was written before the end was read is in the page.
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
    run: (id, { waitSeconds } = {}) =>
      requestJson(`${runPath(id)}${toQuery({ wait: waitSeconds })}`, {
        timeoutMs: 60_000 + (waitSeconds ?? 0) * 1_000,
      }),
    wait: (id, { signal } = {}) => waitForEnd(transport, { path: runPath(id), signal }),
    runs: (filter = {}) => requestJson(`/v1/runs${toQuery({ ...filter })}`),
    stream,
    streamAll: ({ types, ...options } = {}) =>
      followEvents({
        ...options,
        connect: (after, signal) => requestStream(`/v1/stream${toQuery({ after: after ?? undefined, types })}`, signal),
      }),
    eventPage: readPage,
    // A run is cancelled once, however often that is asked for.
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
  };
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}
