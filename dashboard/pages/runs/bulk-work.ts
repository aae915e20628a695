import type { BulkResult, CancelSelection, RetrySelection, RunChoice } from 'longhaul/client';
import { client } from '../../data/client.ts';

export type BulkAction = 'cancel' | 'retry';

/** The runs to change: selected ids, or all that match the filter, including runs not loaded yet. */
export type BulkTarget =
  | { readonly ids: readonly string[] }
  | { readonly choice: RunChoice; readonly count: number; readonly isMore: boolean };

export interface BulkProgress {
  readonly done: number;
  readonly skipped: BulkResult['skipped'];
  /** Total number of runs; null when unknown. */
  readonly total: number | null;
}

/** Small enough to show progress and to stop early. */
const AT_ONCE = 25;

interface BulkOptions {
  readonly action: BulkAction;
  readonly target: BulkTarget;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BulkProgress) => void;
}

/** Cancels or retries many runs in batches, until all are done, it is stopped, or a request fails. */
export async function doInBulk({ action, target, signal, onProgress }: BulkOptions): Promise<void> {
  const total = 'ids' in target ? target.ids.length : target.isMore ? null : target.count;
  let progress: BulkProgress = { done: 0, skipped: [], total };
  onProgress(progress);
  for await (const { data, skipped } of 'ids' in target ? byIds(action, target.ids) : byChoice(action, target.choice)) {
    progress = { ...progress, done: progress.done + data.length, skipped: [...progress.skipped, ...skipped] };
    onProgress(progress);
    if (signal.aborted) return;
  }
}

async function* byIds(action: BulkAction, ids: readonly string[]): AsyncGenerator<BulkResult> {
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    yield await request(action, { ids: ids.slice(start, start + AT_ONCE) });
  }
}

async function* byChoice(action: BulkAction, choice: RunChoice): AsyncGenerator<BulkResult> {
  // Runs submitted after the start are excluded.
  const frozen = toSelection({ ...choice, to: choice.to ?? new Date().toISOString() });
  for (const status of toStatuses(action, choice)) {
    for (let cursor: string | undefined, isLast = false; !isLast;) {
      const result = await request(action, { ...frozen, status, cursor, limit: AT_ONCE } as RetrySelection);
      yield result;
      cursor = result.nextCursor ?? undefined;
      isLast = result.nextCursor === null;
    }
  }
}

const POSSIBLE = {
  cancel: ['queued', 'running', 'waiting'],
  retry: ['failed', 'cancelled'],
} as const satisfies Record<BulkAction, readonly string[]>;

/** Returns the requested statuses that allow the action. Each takes a separate request. */
export function toStatuses(action: BulkAction, { anyStatus }: RunChoice): (string | undefined)[] {
  if (anyStatus === undefined) return action === 'cancel' ? [undefined] : [...POSSIBLE.retry];
  return POSSIBLE[action].filter((status) => (anyStatus as readonly string[]).includes(status));
}

function toSelection({ anyStatus: _, status: __, retried: ___, metadata, ...same }: RunChoice) {
  return { ...same, metadata: metadata === undefined ? undefined : [...metadata] };
}

/** Each of the two methods accepts the statuses that `toStatuses` returns for it. */
function request(action: BulkAction, selection: CancelSelection | RetrySelection): Promise<BulkResult> {
  return action === 'cancel'
    ? client.cancelMany(selection as CancelSelection)
    : client.retryMany(selection as RetrySelection);
}

/** Limits a selection to the runs that allow the action, to count them. */
export function toCountChoice(action: BulkAction, choice: RunChoice): RunChoice {
  const anyStatus = toStatuses(action, choice).filter((status) => status !== undefined) as RunChoice['anyStatus'];
  const possible = anyStatus === undefined || anyStatus.length === 0 ? POSSIBLE[action] : anyStatus;
  return { ...choice, anyStatus: possible, ...(action === 'retry' && { retried: false }) };
}
