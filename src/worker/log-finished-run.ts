import { toUsd } from '../core/money.ts';
import { toTraceId } from '../core/run-trace.ts';
import { head } from '../core/text.ts';
import type { Logger } from '../core/log.ts';
import type { Settled, Settlement } from '../run/end/settle.ts';

/** Characters of an error result that the log contains. */
const ERROR_RESULT_LENGTH = 500;

interface FinishedRun extends Settled {
  readonly attempt: number;
  readonly settlement: Settlement;
}

/**
 * Logs how an attempt ended: its duration, its cost and, when it failed, the reason. The level follows the severity: an
 * attempt that is retried is a warning, a failed run is fatal.
 */
export function logFinishedRun(log: Logger, { run, conclusion, attempt, settlement }: FinishedRun): void {
  const { outcome } = settlement;
  const facts = {
    runId: run.id,
    agent: run.agent,
    attempt,
    status: run.status,
    durationMs: settlement.durationMs,
    turns: settlement.turns,
    costUsd: run.costUsd,
    ...(run.isAtCeiling && { isAtCeiling: true }),
    reportedCostUsd: settlement.reported === null ? null : toUsd(settlement.reported.costMicros),
    meteredCostUsd: toUsd(settlement.metered.costMicros),
    toolUses: settlement.toolUses,
    // Of all attempts.
    ...(Object.keys(run.deniedToolUses).length > 0 && { deniedToolUses: run.deniedToolUses }),
    cacheReadTokens: run.usage.cacheReadTokens,
    cacheCreationTokens: run.usage.cacheCreationTokens,
    peakMemoryBytes: settlement.peakMemoryBytes,
  };
  if (conclusion.status === 'awaits_session_budget' || conclusion.status === 'budget_raised') {
    const next = conclusion.status === 'budget_raised' ? 'it was raised, and the run continues' : 'the run waits';
    log.info(facts, `the budget of the session is used up: ${next}`);
    return;
  }
  if (outcome.status !== 'failed') {
    if (conclusion.status !== 'handed_back') log.info(facts, `run ${conclusion.status}`);
    else if (conclusion.detail === undefined) log.info(facts, 'run handed back');
    else
      log.warn({ ...facts, detail: conclusion.detail }, 'run handed back: the attempt did not cause its own failure');
    return;
  }
  const isProcessFailure = outcome.code === 'cli_crashed' || outcome.code === 'cli_start_failed';
  const { exitCode, signal, stderrTail } = settlement;
  const error = {
    ...facts,
    code: outcome.code,
    detail: head(outcome.detail, ERROR_RESULT_LENGTH),
    ...(isProcessFailure && { exitCode, signal, stderr: stderrTail }),
  };
  logFailure(log, { conclusion, error, what: isProcessFailure ? 'the Claude Code process ended by itself' : null });
}

/** Logs the conclusion of a run whose worker was lost. */
export function logLostRun(log: Logger, { run, conclusion }: Settled): void {
  const traceId = toTraceId(run) ?? undefined;
  const { id: runId, agent, attempt, status, costUsd } = run;
  const facts = { runId, traceId, agent, attempt, status, costUsd };
  if (conclusion.status === 'failed' || conclusion.status === 'retried') {
    const error = { ...facts, code: 'worker_lost', detail: run.errorDetail };
    logFailure(log, { conclusion, error, what: 'its worker was lost' });
  } else {
    log.warn(
      facts,
      `the worker of the run was lost; run ${conclusion.status === 'handed_back' ? 'queued again' : conclusion.status}`,
    );
  }
}

function logFailure(
  log: Logger,
  { conclusion, error, what }: { conclusion: Settled['conclusion']; error: { code: string }; what: string | null },
): void {
  const because = what === null ? '' : `: ${what}`;
  if (conclusion.status === 'retried') {
    log.warn({ ...error, delaySeconds: conclusion.delaySeconds }, `an attempt failed and will be retried${because}`);
  } else if (error.code === 'cli_not_found') {
    log.fatal(error, 'run failed: the Claude Code executable was not found; every run will fail until it is');
  } else if (conclusion.status === 'failed') {
    log.fatal({ ...error, code: conclusion.code }, `run failed${because}`);
  } else {
    log.warn(error, `an attempt failed, and its run was ${conclusion.status}${because}`);
  }
}
