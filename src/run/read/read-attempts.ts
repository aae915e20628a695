import { toUsd } from '../../core/money.ts';
import type { AttemptEnd } from '../../core/states.ts';
import type { Database } from '../../db/database.ts';

/** An attempt at a run: its end, and its cost by each of the two counts. */
export interface Attempt {
  readonly number: number;
  readonly workerId: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly outcome: AttemptEnd | null;
  readonly errorCode: string | null;
  readonly errorDetail: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly claudeCodeVersion: string | null;
  /** Cost by the gateway's count. */
  readonly meteredCostUsd: number;
  /** Cost by the Agent SDK's count; null when the process ended without a report. */
  readonly reportedCostUsd: number | null;
  /** The most memory that its processes used together; null when it was not measured. */
  readonly peakMemoryBytes: number | null;
}

/** Reads the attempts at a run, first to last. */
export async function readAttempts(database: Database, runId: string): Promise<Attempt[]> {
  const rows = await database.preparedSql
    .selectFrom('longhaul.attempts')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('number')
    .execute();
  return rows.map((row) => ({
    number: row.number,
    workerId: row.worker_id,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    outcome: row.outcome,
    errorCode: row.error_code,
    errorDetail: row.error_detail,
    exitCode: row.exit_code,
    signal: row.signal,
    claudeCodeVersion: row.claude_code_version,
    meteredCostUsd: toUsd(row.metered_cost_micros),
    reportedCostUsd: row.reported_cost_micros === null ? null : toUsd(row.reported_cost_micros),
    peakMemoryBytes: row.peak_memory_bytes,
  }));
}
