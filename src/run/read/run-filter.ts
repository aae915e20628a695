import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { HEALTH_AGENT } from '../../config/health-agent.ts';
import { toMicros } from '../../core/money.ts';
import type { RunStatus } from '../../core/states.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

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

/** Largest expected difference between the clock of the process that creates ids and the database's. */
const CLOCK_SLACK_MS = 300_000;

/**
 * SQL condition for the rows of `longhaul.runs` that match and that the viewer may see. Runs of the health check match
 * only when their agent is requested. Each part alone is answered from an index, in the order of ids.
 */
export function matchesFilter({ viewer, filter }: { viewer: Viewer; filter: RunFilter }): RawBuilder<SqlBool> {
  const { status, agent, agents, user, team, sessionId, scheduleId, errorCode, isRetried, isCancelRequested } = filter;
  const { from, to, words, labels, minCostUsd, maxCostUsd, minDurationMs, maxDurationMs } = filter;
  const isAny = (column: string, values: readonly string[]) =>
    values.length === 1
      ? sql<SqlBool>`${sql.ref(column)} = ${values[0]}`
      : sql<SqlBool>`${sql.ref(column)} = any(${sql.val([...values])}::text[])`;
  const parts: (RawBuilder<SqlBool> | null)[] = [
    isSeenBy(viewer, 'runs'),
    status === undefined ? null : isAny('runs.status', typeof status === 'string' ? [status] : status),
    agent === undefined ? null : sql`runs.agent = ${agent}`,
    agents === undefined ? null : isAny('runs.agent', agents),
    agent === undefined && agents === undefined ? sql`runs.agent <> ${HEALTH_AGENT}` : null,
    user === undefined ? null : sql`runs.user_id = ${user}`,
    team === undefined ? null : sql`runs.team = ${team}`,
    sessionId === undefined ? null : sql`runs.session_id = ${sessionId}::uuid`,
    scheduleId === undefined ? null : sql`runs.schedule_id = ${scheduleId}::uuid`,
    errorCode === undefined ? null : sql`runs.error_code = ${errorCode}`,
    isRetried === undefined
      ? null
      : sql`exists (select from longhaul.runs as retry where retry.retry_of = runs.id) = ${sql.lit(isRetried)}`,
    isCancelRequested === false ? sql`runs.cancel_requested_at is null` : null,
    from === undefined
      ? null
      : sql`runs.created_at >= ${from} and runs.id >= ${toLeastId(from, -CLOCK_SLACK_MS)}::uuid`,
    to === undefined ? null : sql`runs.created_at < ${to} and runs.id < ${toLeastId(to, CLOCK_SLACK_MS)}::uuid`,
    words === undefined
      ? null
      : sql`exists (select from longhaul.run_search as search
                     where search.run_id = runs.id and search.words @@ longhaul.to_search(${words}))`,
    labels === undefined || labels.length === 0
      ? null
      : sql`exists (select from longhaul.run_search as search
                     where search.run_id = runs.id and search.labels @> ${sql.val([...labels])}::text[])`,
    // Runs without cost are in no index, and a minimum of zero selects all runs.
    minCostUsd === undefined || minCostUsd <= 0
      ? null
      : sql`runs.cost_micros > 0 and runs.cost_micros >= ${toMicros(minCostUsd)}`,
    maxCostUsd === undefined ? null : sql`runs.cost_micros <= ${toMicros(maxCostUsd)}`,
    minDurationMs === undefined ? null : sql`runs.duration_ms >= ${minDurationMs}`,
    maxDurationMs === undefined ? null : sql`runs.duration_ms <= ${maxDurationMs}`,
  ];
  const given = parts.filter((part) => part !== null);
  return sql`(${sql.join(given, sql` and `)})`;
}

/** The least id that may have been made at a time: ids begin with the milliseconds of it (RFC 9562, 5.7). */
function toLeastId(at: Date, slackMs: number): string {
  const ms = Math.max(0, at.getTime() + slackMs);
  const digits = ms.toString(16).padStart(12, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}
