import { NOTHING_DONE, type AgentReport, type StopReason } from '../agent/agent-process.ts';
import { LonghaulError, RUN_ERRORS, toMessage, type RunErrorCode } from '../core/errors.ts';
import { findMachineFault } from '../core/machine-fault.ts';
import { toUsd } from '../core/money.ts';
import type { GatewayPass } from '../gateway/gateway.ts';
import type { AttemptOutcome } from '../run/end/conclude.ts';
import type { Settlement } from '../run/end/settle.ts';
import type { Spending } from '../run/money/spending.ts';

/**
 * Turns an attempt's end into the settlement of its run; null when the lease was lost and there is nothing to settle.
 */
export function toSettlement(options: {
  report: AgentReport;
  /** Null when the attempt failed before the gateway admitted it. */
  pass: GatewayPass | null;
  stopReason: StopReason | null;
  /** The reason why its events cannot be recorded, or null. */
  unrecordable: string | null;
  /** The reason why its machine or an operator made it fail, or null. The attempt is then handed back. */
  outsideCause: string | null;
  durationMs: number;
}): Settlement | null {
  const { report, pass, outsideCause, durationMs } = options;
  const judged = toOutcome(report, options);
  const outcome =
    outsideCause !== null && judged?.status === 'failed'
      ? ({ status: 'handed_back', detail: outsideCause } as const)
      : judged;
  if (outcome === null) return null;
  const { turns, toolUses, exitCode, signal, stderrTail, claudeCodeVersion, costMicros, modelUsage } = report;
  const reported = costMicros === null ? null : { costMicros, models: modelUsage ?? {} };
  return {
    outcome,
    turns,
    durationMs,
    toolUses,
    metered: pass === null ? { costMicros: 0, models: {} } : toSpending(pass),
    reported,
    exitCode,
    signal,
    stderrTail,
    claudeCodeVersion,
    peakMemoryBytes: report.peakMemoryBytes ?? null,
    retryAfterSeconds: outcome.status === 'failed' ? toWaitSeconds(pass?.failure() ?? null) : null,
  };
}

/** Returns the seconds from now that the provider asked to wait, or null. */
function toWaitSeconds(failure: ReturnType<GatewayPass['failure']>): number | null {
  if (failure === null || failure.resetAt === null) return failure?.retryAfterSeconds ?? null;
  return Math.max(0, Math.ceil((failure.resetAt - Date.now()) / 1_000));
}

function toOutcome(
  { outcome }: AgentReport,
  { stopReason, unrecordable }: { stopReason: StopReason | null; unrecordable: string | null },
): AttemptOutcome | null {
  if (outcome.status !== 'stopped') {
    return outcome;
  }
  switch (stopReason ?? outcome.reason) {
    case 'cancelled':
      return { status: 'cancelled' };
    case 'run_timeout':
      return { status: 'failed', code: 'run_timeout', detail: 'The run exceeded its timeout.' };
    case 'unrecordable': {
      const detail = `The events of the attempt could not be stored: ${unrecordable}`;
      return { status: 'failed', code: 'internal_error', detail, isFinal: true };
    }
    case 'awaits_approval':
    // The settlement finds out what waits for a person; a decision may have been made meanwhile.
    case 'handed_back':
      return { status: 'handed_back' };
    case 'lease_lost':
      return null;
  }
}

/**
 * Reduces a settlement that the database rejected to the minimum: the rejection, and the cost that the gateway metered.
 */
export function reduceSettlement({ durationMs, metered, peakMemoryBytes }: Settlement, refusal: string): Settlement {
  return {
    outcome: {
      status: 'failed',
      code: 'internal_error',
      detail: `The outcome could not be stored: ${refusal}`,
      isFinal: true,
    },
    turns: 0,
    durationMs,
    toolUses: {},
    metered: { costMicros: metered.costMicros, models: {} },
    reported: null,
    exitCode: null,
    signal: null,
    stderrTail: '',
    claudeCodeVersion: null,
    peakMemoryBytes,
    retryAfterSeconds: null,
  };
}

/** Returns the report of an attempt that failed before it had a process. */
export function toFailedReport(error: unknown): AgentReport {
  const code = error instanceof LonghaulError && isRunErrorCode(error.code) ? error.code : 'internal_error';
  const fault = findMachineFault(error);
  const outcome = { status: 'failed', code, detail: toMessage(error), ...(fault !== null && { fault }) } as const;
  return { ...NOTHING_DONE, outcome, durationMs: 0 };
}

function isRunErrorCode(code: string): code is RunErrorCode {
  return Object.hasOwn(RUN_ERRORS, code);
}

/** Returns the spending of an attempt that the gateway has metered so far. */
export function toSpending(pass: GatewayPass): Spending {
  const { costMicros, models } = pass.meter();
  return {
    costMicros,
    models: Object.fromEntries(
      Object.entries(models).map(([model, { costMicros: cost, ownCostMicros, ...usage }]) => [
        model,
        { ...usage, costUsd: toUsd(cost), ownCostUsd: ownCostMicros === null ? null : toUsd(ownCostMicros) },
      ]),
    ),
  };
}
