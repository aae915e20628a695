import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { HEALTH_AGENT } from '../../config/health-agent.ts';
import { toMicros } from '../../core/money.ts';
import type { RunStatus } from '../../core/states.ts';
import type { Viewer } from '../viewer.ts';

/** Which runs are meant. Every part that is given has to hold. */
export interface RunFilter {
  /** Any of these; of none of them, no run. */
  readonly status?: RunStatus | readonly RunStatus[] | undefined;
  readonly agent?: string | undefined;
  /** Any of these. */
  readonly agents?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly team?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Created by this schedule. */
  readonly scheduleId?: string | undefined;
  readonly errorCode?: string | undefined;
  /** True: only runs that another run retries; false: only the others. */
  readonly isRetried?: boolean | undefined;
  /** False: only runs without a cancel request. */
  readonly isCancelRequested?: false | undefined;
  /** Submitted at or after. */
  readonly from?: Date | undefined;
  /** Submitted before. */
  readonly to?: Date | undefined;
  /** Words in prompt and result, as `to_search` reads them. */
  readonly words?: string | undefined;
  /** Entries of the metadata, each as `key=value`; a run must have all of them. */
  readonly labels?: readonly string[] | undefined;
  readonly minCostUsd?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  readonly minDurationMs?: number | undefined;
  readonly maxDurationMs?: number | undefined;
}

/** A column whose filter is a list of values, any of which a run may have. */
export type ValueColumn = 'status' | 'agent' | 'user_id' | 'team' | 'session_id' | 'schedule_id' | 'error_code';

/** A filter, sorted by how a database can use its parts. A run must satisfy all of them. */
export interface Conditions {
  /** The values that a run may have in a column; no run matches an empty list. */
  readonly values: ReadonlyMap<ValueColumn, readonly string[]>;
  /** Ids at or after. */
  readonly leastId: string;
  /** Ids before. */
  readonly endId: string;
  /** SQL about the alias `search` of the run's row in `longhaul.run_search`: words and labels. */
  readonly search: readonly RawBuilder<SqlBool>[];
  /** SQL about the alias `runs`: bounds of cost and duration. */
  readonly measures: readonly RawBuilder<SqlBool>[];
  /** SQL about the alias `runs`: all other parts. */
  readonly others: readonly RawBuilder<SqlBool>[];
}

/** Largest expected difference between the clock of the process that creates ids and the database's. */
const CLOCK_SLACK_MS = 300_000;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

interface ConditionsOptions {
  readonly viewer: Viewer;
  readonly filter: RunFilter;
  /** Runs submitted before this one, by id. */
  readonly before?: string | undefined;
}

/**
 * Returns the conditions that a run matches the filter and that the viewer may see it. Runs of the health check match
 * only when their agent is requested.
 */
export function toConditions({ viewer, filter, before = LAST_ID }: ConditionsOptions): Conditions {
  const { from, to } = filter;
  const endId = to === undefined ? LAST_ID : toLeastId(to, CLOCK_SLACK_MS);
  return {
    values: toValues(viewer, filter),
    leastId: from === undefined ? FIRST_ID : toLeastId(from, -CLOCK_SLACK_MS),
    endId: before.toLowerCase() < endId ? before.toLowerCase() : endId,
    measures: toMeasureConditions(filter),
    others: [...toTimeConditions(filter), ...toFlagConditions(viewer, filter)],
    search: toSearchConditions(filter),
  };
}

function toValues(viewer: Viewer, filter: RunFilter): Map<ValueColumn, readonly string[]> {
  const { status, agent, agents, user, team, sessionId, scheduleId, errorCode } = filter;
  const one = (value: string | null | undefined) => (value == null ? undefined : [value]);
  const lists: [ValueColumn, (readonly string[] | undefined)[]][] = [
    ['status', [typeof status === 'string' ? [status] : status]],
    ['agent', [one(agent), agents]],
    ['user_id', [one(viewer.user), one(user)]],
    ['team', [one(viewer.team), one(team)]],
    ['session_id', [one(sessionId)]],
    ['schedule_id', [one(scheduleId)]],
    ['error_code', [one(errorCode)]],
  ];
  const values = new Map<ValueColumn, readonly string[]>();
  for (const [column, wanted] of lists) {
    const [first, ...rest] = wanted.filter((list) => list !== undefined);
    if (first === undefined) continue;
    const inAll = first.filter((value) => rest.every((list) => list.includes(value)));
    values.set(column, [...new Set(inAll)]);
  }
  return values;
}

function toTimeConditions({ from, to }: RunFilter): RawBuilder<SqlBool>[] {
  // Within the bounds of the ids, which are wider by the slack of the clocks.
  return present([
    from === undefined ? null : sql`runs.created_at >= ${from}`,
    to === undefined ? null : sql`runs.created_at < ${to}`,
  ]);
}

function toFlagConditions(viewer: Viewer, filter: RunFilter): RawBuilder<SqlBool>[] {
  const { agent, agents, isRetried, isCancelRequested } = filter;
  return present([
    viewer.user === null || viewer.team !== null ? null : sql`runs.tenant is null`,
    agent === undefined && agents === undefined ? sql`runs.agent <> ${HEALTH_AGENT}` : null,
    isRetried === undefined ? null : isRetried ? sql`runs.is_retried` : sql`not runs.is_retried`,
    isCancelRequested === false ? sql`runs.cancel_requested_at is null` : null,
  ]);
}

function toSearchConditions({ words, labels = [] }: RunFilter): RawBuilder<SqlBool>[] {
  return present([
    words === undefined ? null : sql`search.words @@ longhaul.to_search(${words})`,
    labels.length === 0 ? null : sql`search.labels @> ${sql.val([...labels])}::text[]`,
  ]);
}

function toMeasureConditions(filter: RunFilter): RawBuilder<SqlBool>[] {
  const { minCostUsd, maxCostUsd, minDurationMs, maxDurationMs } = filter;
  return present([
    // Runs without cost are in no index, and a minimum of zero selects all runs.
    minCostUsd === undefined || minCostUsd <= 0
      ? null
      : sql`runs.cost_micros > 0 and runs.cost_micros >= ${toMicros(minCostUsd)}`,
    maxCostUsd === undefined ? null : sql`runs.cost_micros <= ${toMicros(maxCostUsd)}`,
    minDurationMs === undefined ? null : sql`runs.duration_ms >= ${minDurationMs}`,
    maxDurationMs === undefined ? null : sql`runs.duration_ms <= ${maxDurationMs}`,
  ]);
}

function present(conditions: readonly (RawBuilder<SqlBool> | null)[]): RawBuilder<SqlBool>[] {
  return conditions.filter((condition) => condition !== null);
}

/** The least id that may have been made at a time: ids begin with the milliseconds of it (RFC 9562, 5.7). */
function toLeastId(at: Date, slackMs: number): string {
  const ms = Math.max(0, at.getTime() + slackMs);
  const digits = ms.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}
