import { toUsd } from '../core/money.ts';
import { head } from '../core/text.ts';
import type { Logger } from '../core/log.ts';
import type { Run } from '../run/run.ts';
import type { Settlement } from '../run/settle.ts';

/** How much of an error result goes to the log. */
const ERROR_RESULT_LENGTH = 500;

/**
 * Logs how a run's attempt ended: what it took and cost, and when it failed, why, as loudly as it
 * deserves: an executable that cannot be found stops every run, so it is critical.
 */
export function logFinishedRun(log: Logger, options: { run: Run; attempt: number; settlement: Settlement }): void {
  const { run, attempt, settlement } = options;
  const { outcome } = settlement;
  const facts = {
    runId: run.id,
    agent: run.agent,
    attempt,
    status: run.status,
    durationMs: settlement.durationMs,
    turns: settlement.turns,
    costUsd: run.costUsd,
    reportedCostUsd: settlement.reported === null ? null : toUsd(settlement.reported.costMicros),
    meteredCostUsd: toUsd(settlement.metered.costMicros),
    toolUses: settlement.toolUses,
    cacheReadTokens: run.usage.cacheReadTokens,
    cacheCreationTokens: run.usage.cacheCreationTokens,
  };
  if (outcome.status !== 'failed') {
    log.info(facts, `run ${outcome.status === 'handed_back' ? 'handed back' : outcome.status}`);
    return;
  }
  const error = { ...facts, code: outcome.code, detail: head(outcome.detail, ERROR_RESULT_LENGTH) };
  if (outcome.code === 'cli_not_found') {
    log.fatal(error, 'run failed: the Claude Code executable was not found; every run will fail until it is');
  } else if (outcome.code === 'cli_crashed' || outcome.code === 'cli_start_failed') {
    const { exitCode, signal, stderrTail } = settlement;
    log.error(
      { ...error, exitCode, signal, stderr: stderrTail },
      'run failed: the Claude Code process ended by itself',
    );
  } else {
    log.error(error, 'run failed');
  }
}
