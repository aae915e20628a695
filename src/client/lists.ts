import type {
  AlertResource,
  ApprovalResource,
  AuditEntryResource,
  BudgetResource,
  KeyResource,
  RunResource,
  ScheduleResource,
} from '../api/contract.ts';

/** Which runs are meant. Every part that is given has to hold. */
export interface RunChoice {
  readonly status?: RunResource['status'] | undefined;
  /** Any of these, in place of `status`. */
  readonly anyStatus?: readonly RunResource['status'][] | undefined;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  readonly team?: string | undefined;
  /** Of the agents that have this queue. */
  readonly queue?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Made by this schedule. */
  readonly scheduleId?: string | undefined;
  readonly errorCode?: string | undefined;
  /** Words in the prompt or the result, each one or its beginning; `"in quotes"` in a row, `-not` at all. */
  readonly q?: string | undefined;
  /** Entries of the metadata, each as `key=value`. */
  readonly metadata?: readonly string[] | undefined;
  /** Submitted at or after: ISO 8601. */
  readonly from?: string | undefined;
  /** Submitted before: ISO 8601. */
  readonly to?: string | undefined;
  readonly minCostUsd?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  readonly minDurationSeconds?: number | undefined;
  readonly maxDurationSeconds?: number | undefined;
  /** Those that another run tries again, or those that none does. */
  readonly retried?: boolean | undefined;
}

/** Which runs to list, and how. */
export interface RunFilter extends RunChoice {
  /** Characters of `prompt` and `result` that are wanted. Defaults to all. */
  readonly maxText?: number | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Runs in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface RunPage {
  /** Newest first. */
  readonly data: RunResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which costs to add up, and by what. */
export interface CostQuery {
  /** Defaults to `day`. */
  readonly groupBy?: 'day' | 'month' | 'user' | 'team' | 'agent' | 'model' | undefined;
  /** Included: ISO 8601, or a day of the server's time zone such as `2026-01-31`. Defaults to the month that `to` ends. */
  readonly from?: string | undefined;
  /** Not included: ISO 8601, or a day, up to its beginning. Defaults to the end of the current month. */
  readonly to?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Rows in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

/** Which alerts to list. */
export interface AlertFilter {
  readonly state?: AlertResource['state'] | undefined;
  readonly severity?: AlertResource['severity'] | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Alerts in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface AlertPage {
  /** Newest first. */
  readonly data: AlertResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which approvals to list. Every part that is given has to hold. */
export interface ApprovalFilter {
  readonly status?: ApprovalResource['status'] | undefined;
  readonly kind?: ApprovalResource['kind'] | undefined;
  readonly runId?: string | undefined;
  readonly user?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Approvals in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface ApprovalPage {
  /** Newest first. */
  readonly data: ApprovalResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which entries of the audit record to list. */
export interface AuditFilter {
  readonly action?: string | undefined;
  /** What it was done to, such as a run's id. */
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  /** At or after: ISO 8601. */
  readonly from?: string | undefined;
  /** Before: ISO 8601. */
  readonly to?: string | undefined;
  /** `chain`: those that are chained, oldest first. Defaults to `newest`. */
  readonly order?: 'newest' | 'chain' | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: number | undefined;
  /** Entries in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface AuditPage {
  readonly data: AuditEntryResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: number | null;
}

/** Which budgets to list. */
export interface BudgetFilter {
  readonly scope?: BudgetResource['scope'] | undefined;
  /** The user or team. */
  readonly key?: string | undefined;
  /** 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface KeyPage {
  /** Newest first. */
  readonly data: KeyResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Which schedules to list. */
export interface ScheduleFilter {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Schedules in a page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface SchedulePage {
  /** Newest first. */
  readonly data: ScheduleResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}
