import type { BulkResult, CancelSelection, RetrySelection, RunChoice } from 'longhaul/client';
import { client } from '../../data/client.ts';

export type BulkAction = 'cancel' | 'retry';

/** The runs that are meant: these, or all that fit, not only those that were loaded. */
export type BulkTarget =
  | { readonly ids: readonly string[] }
  | { readonly choice: RunChoice; readonly count: number; readonly isMore: boolean };

export interface BulkProgress {
  readonly done: number;
  readonly skipped: BulkResult['skipped'];
  /** How many there are in all; null: not known. */
  readonly total: number | null;
}

/** Small enough that there is something to see, and to stop. */
const AT_ONCE = 25;

interface BulkOptions {
  readonly action: BulkAction;
  readonly target: BulkTarget;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: BulkProgress) => void;
}

/** Cancels or retries many runs, a few at once, until all are done, it is stopped, or a request fails. */
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
  // What comes in meanwhile was not meant.
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

/** Of the statuses that were asked for those of which it can be done: each is a request of its own. */
export function toStatuses(action: BulkAction, { anyStatus }: RunChoice): (string | undefined)[] {
  if (anyStatus === undefined) return action === 'cancel' ? [undefined] : [...POSSIBLE.retry];
  return POSSIBLE[action].filter((status) => (anyStatus as readonly string[]).includes(status));
}

function toSelection({ anyStatus: _, status: __, retried: ___, metadata, ...same }: RunChoice) {
  return { ...same, metadata: metadata === undefined ? undefined : [...metadata] };
}

/** Each of the two takes the statuses that it can do something about, which is how `toStatuses` chose them. */
function request(action: BulkAction, selection: CancelSelection | RetrySelection): Promise<BulkResult> {
  return action === 'cancel'
    ? client.cancelMany(selection as CancelSelection)
    : client.retryMany(selection as RetrySelection);
}

/** Narrows a choice to the runs that something can be done with, to say how many there are. */
export function toCountChoice(action: BulkAction, choice: RunChoice): RunChoice {
  const anyStatus = toStatuses(action, choice).filter((status) => status !== undefined) as RunChoice['anyStatus'];
  const possible = anyStatus === undefined || anyStatus.length === 0 ? POSSIBLE[action] : anyStatus;
  return { ...choice, anyStatus: possible, ...(action === 'retry' && { retried: false }) };
}
