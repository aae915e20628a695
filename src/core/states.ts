/** Every state a run can be in. Stored data: a name here is never changed. */
export const RUN_STATUSES = ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'] as const;

export type RunStatus = (typeof RUN_STATUSES)[number];

/** The states that a run never leaves. */
export const FINAL_STATUSES = ['succeeded', 'failed', 'cancelled'] as const satisfies RunStatus[];

/** The others. */
export const UNFINISHED_STATUSES = ['queued', 'running', 'waiting'] as const satisfies RunStatus[];

export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** The states that may follow each state. The SQL of `run/` moves a run only along these. */
export const TRANSITIONS: Readonly<Record<RunStatus, readonly RunStatus[]>> = {
  queued: ['running', 'waiting', 'cancelled'],
  running: ['queued', 'waiting', 'succeeded', 'failed', 'cancelled'],
  waiting: ['queued', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/**
 * Ends of an attempt. `handed_back`: by its worker, which stopped; `waiting`: the run needs a person's decision before
 * it continues.
 */
export const ATTEMPT_OUTCOMES = ['succeeded', 'failed', 'cancelled', 'handed_back', 'waiting'] as const;

export type AttemptEnd = (typeof ATTEMPT_OUTCOMES)[number];

export function isFinal(status: RunStatus): status is FinalStatus {
  return TRANSITIONS[status].length === 0;
}
