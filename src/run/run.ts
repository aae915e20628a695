import type { Selectable } from 'kysely';
import { RUN_ERRORS, type RunErrorCode } from '../core/errors.ts';
import type { RunError } from '../core/events.ts';
import type { RunLimits } from '../core/limits.ts';
import { toMicros, toUsd, type Micros } from '../core/money.ts';
import type { PromptPart } from '../core/prompt-parts.ts';
import type { RetryPolicy } from '../core/retry-policy.ts';
import type { StoredTrace } from '../core/run-trace.ts';
import type { RunStatus } from '../core/states.ts';
import type { ModelUsage, TokenUsage } from '../core/usage.ts';
import type { RunsTable } from '../db/tables.ts';

/** A run as the code above the database sees it. */
export interface Run {
  readonly id: string;
  readonly agent: string;
  readonly status: RunStatus;
  readonly waitingFor: string | null;
  readonly prompt: string;
  /** The parts of the prompt, if it is more than a text. */
  readonly parts: readonly PromptPart[] | null;
  readonly user: string | null;
  readonly team: string | null;
  /** The team that the user belongs to; null: the user is the application's, or there is none. */
  readonly tenant: string | null;
  readonly sessionId: string;
  /** Its index in its session; 1 for the first run. */
  readonly sessionTurn: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly limits: RunLimits;
  readonly retryPolicy: RetryPolicy;
  /** The limits that its submission named; null when unknown. */
  readonly requestedLimits: Partial<RunLimits> | null;
  readonly result: string | null;
  readonly structuredOutput: unknown;
  readonly error: RunError | null;
  readonly costUsd: number;
  /** True when it has cost its `maxBudgetUsd` or more. */
  readonly isAtCeiling: boolean;
  /**
   * True when the budget of its session, and not its own limits, sets `limits.maxBudgetUsd`: a run that reaches it waits
   * until the budget is raised.
   */
  readonly isBoundBySession: boolean;
  readonly usage: TokenUsage;
  readonly modelUsage: Readonly<Record<string, ModelUsage>>;
  readonly turns: number;
  readonly durationMs: number | null;
  readonly toolUses: Readonly<Record<string, number>>;
  /** Tool uses among them that were denied, by the agent's rules, its hooks or a person. */
  readonly deniedToolUses: Readonly<Record<string, number>>;
  readonly createdAt: Date;
  readonly startAfter: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly retryOf: string | null;
  /** The schedule that created it; null: none. */
  readonly scheduleId: string | null;
  /** The tick of that schedule; null: none, or the run was triggered by hand. */
  readonly scheduledFor: Date | null;
  /** The `seq` of the last event in its log. */
  readonly lastSeq: number;
  /** True when its session was made by a client of Claude Managed Agents (`src/managed`). */
  readonly isManaged: boolean;
  /** The trace that its submission belongs to; null: it begins a trace, or has none. */
  readonly trace: StoredTrace | null;
  /** For operators only: the actual cause of the failure. */
  readonly errorDetail: string | null;
}

/** Converts a row of `longhaul.runs` to a run. No other function does. */
export function toRun(row: Selectable<RunsTable>): Run {
  return {
    id: row.id,
    agent: row.agent,
    status: row.status,
    waitingFor: row.waiting_for,
    prompt: row.prompt,
    parts: row.parts as Run['parts'],
    user: row.user_id,
    team: row.team,
    tenant: row.tenant,
    sessionId: row.session_id,
    sessionTurn: row.session_turn,
    metadata: row.metadata as Run['metadata'],
    priority: row.priority,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    limits: limitsOf(row),
    retryPolicy: row.retry_policy as RetryPolicy,
    requestedLimits: row.requested_limits as Run['requestedLimits'],
    result: row.result,
    structuredOutput: row.structured_output ?? null,
    error:
      row.error_code === null || row.status === 'succeeded'
        ? null
        : toRunError(row.error_code as RunErrorCode, row.error_category ?? undefined),
    costUsd: toUsd(row.cost_micros),
    isAtCeiling: isAtCeiling(row, row.cost_micros),
    isBoundBySession: isBoundBySession(row),
    usage: {
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      cacheReadTokens: row.cache_read_tokens,
      cacheCreationTokens: row.cache_creation_tokens,
    },
    modelUsage: row.model_usage as Run['modelUsage'],
    turns: row.turns,
    durationMs: row.duration_ms,
    toolUses: row.tool_uses as Run['toolUses'],
    deniedToolUses: row.denied_tool_uses as Run['deniedToolUses'],
    createdAt: row.created_at,
    startAfter: row.start_after,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    retryOf: row.retry_of,
    scheduleId: row.schedule_id,
    scheduledFor: row.scheduled_for,
    lastSeq: row.event_seq,
    isManaged: row.is_managed,
    trace: row.trace as Run['trace'],
    errorDetail: row.error_detail,
  };
}

type Ceilings = Pick<Selectable<RunsTable>, 'limits' | 'session_ceiling_micros'>;

/** Returns the limits of a run: its own, with what the budget of its session leaves it. */
export function limitsOf(row: Ceilings): RunLimits {
  const limits = row.limits as RunLimits;
  return isBoundBySession(row) ? { ...limits, maxBudgetUsd: toUsd(row.session_ceiling_micros) } : limits;
}

/** Returns whether the budget of a run's session leaves the run no more than its own limits do. */
export function isBoundBySession<T extends Ceilings>(row: T): row is T & { session_ceiling_micros: Micros } {
  const { limits, session_ceiling_micros: ceiling } = row;
  return ceiling !== null && ceiling <= toMicros((limits as RunLimits).maxBudgetUsd);
}

/** Returns what a run may still spend. */
export function leftOf(row: Ceilings & Pick<Selectable<RunsTable>, 'cost_micros'>): Micros {
  return Math.max(0, toMicros(limitsOf(row).maxBudgetUsd) - row.cost_micros);
}

/** Returns whether a run that has cost `costMicros` can spend nothing more. */
export function isAtCeiling(row: Ceilings, costMicros: Micros): boolean {
  return costMicros >= toMicros(limitsOf(row).maxBudgetUsd);
}

/** Makes an error whose text is safe for every watcher of the run. */
export function toRunError(code: RunErrorCode, category?: string): RunError {
  const { message, isRetryable } = RUN_ERRORS[code];
  return { code, message, retryable: isRetryable, ...(category !== undefined && { category }) };
}
