import type {
  AlertResource,
  ApprovalResource,
  AuditEntryResource,
  BudgetResource,
  KeyResource,
  RunResource,
  ScheduleResource,
} from '../api/contract.ts';

/** Selects runs. All given conditions apply. */
export interface RunChoice {
  readonly status?: RunResource['status'] | undefined;
  /** Any of these, in place of `status`. */
  readonly anyStatus?: readonly RunResource['status'][] | undefined;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  readonly team?: string | undefined;
  /** Runs of agents with this queue. */
  readonly queue?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Created by this schedule. */
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
  /** True: only runs that another run retries; false: only the others. */
  readonly retried?: boolean | undefined;
}

/** Selects the runs to list. */
export interface RunFilter extends RunChoice {
  /** Maximum number of characters of `prompt` and `result`. Defaults to all. */
  readonly maxText?: number | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Runs per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface RunPage {
  /** Newest first. */
  readonly data: RunResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Selects the costs to add up, and their grouping. */
export interface CostQuery {
  /** Defaults to `day`. */
  readonly groupBy?: 'day' | 'month' | 'user' | 'team' | 'agent' | 'model' | undefined;
  /**
   * Inclusive: ISO 8601, or a day of the server's time zone such as `2026-01-31`. Defaults to the month that `to` ends.
   */
  readonly from?: string | undefined;
  /** Exclusive: ISO 8601, or a day, up to its beginning. Defaults to the end of the current month. */
  readonly to?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Rows per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

/** Selects the alerts to list. */
export interface AlertFilter {
  readonly state?: AlertResource['state'] | undefined;
  readonly severity?: AlertResource['severity'] | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Alerts per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface AlertPage {
  /** Newest first. */
  readonly data: AlertResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Selects the approvals to list. All given conditions apply. */
export interface ApprovalFilter {
  readonly status?: ApprovalResource['status'] | undefined;
  readonly kind?: ApprovalResource['kind'] | undefined;
  readonly runId?: string | undefined;
  readonly user?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Approvals per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface ApprovalPage {
  /** Newest first. */
  readonly data: ApprovalResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Selects the entries of the audit record to list. */
export interface AuditFilter {
  readonly action?: string | undefined;
  /** Subject of the action, such as a run's id. */
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  /** At or after: ISO 8601. */
  readonly from?: string | undefined;
  /** Before: ISO 8601. */
  readonly to?: string | undefined;
  /** `chain`: chained entries, oldest first. Defaults to `newest`. */
  readonly order?: 'newest' | 'chain' | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: number | undefined;
  /** Entries per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface AuditPage {
  readonly data: AuditEntryResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: number | null;
}

/** Selects the budgets to list. */
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

/** Selects the schedules to list. */
export interface ScheduleFilter {
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Schedules per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
}

export interface SchedulePage {
  /** Newest first. */
  readonly data: ScheduleResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}
