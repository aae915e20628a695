import { NOTHING_DONE, type AgentReport, type StopReason } from '../agent/agent-process.ts';
import { LonghaulError, RUN_ERRORS, toMessage, type RunErrorCode } from '../core/errors.ts';
import { findMachineFault } from '../core/machine-fault.ts';
import { toUsd } from '../core/money.ts';
import type { GatewayPass } from '../gateway/gateway.ts';
import type { AttemptOutcome } from '../run/conclude.ts';
import type { Settlement } from '../run/settle.ts';
import type { Spending } from '../run/spending.ts';

/** The attempt's end as the run takes it; null when the lease was lost and there is nothing to settle. */
export function toSettlement(options: {
  report: AgentReport;
  /** Null when it came to nothing before it was let in to the gateway. */
  pass: GatewayPass | null;
  stopReason: StopReason | null;
  /** Why its events cannot be recorded, or null. */
  unrecordable: string | null;
  /** Why it failed, where its machine or operator is the reason: then it is handed back. */
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

/** How long from now the provider asked to wait, or null. */
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
      return { status: 'failed', code: 'run_timeout', detail: 'The run timeout ran out.' };
    case 'unrecordable': {
      const detail = `The events of the attempt could not be stored: ${unrecordable}`;
      return { status: 'failed', code: 'internal_error', detail, isFinal: true };
    }
    case 'awaits_approval':
    // What waits for a person is found when it is settled: by then it may have been decided.
    case 'handed_back':
      return { status: 'handed_back' };
    case 'lease_lost':
      return null;
  }
}

/** What is left to say of an attempt whose settlement the database would not take: that, and what the gateway metered. */
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

/** The report of an attempt that came to nothing before it had a process. */
export function toFailedReport(error: unknown): AgentReport {
  const code = error instanceof LonghaulError && isRunErrorCode(error.code) ? error.code : 'internal_error';
  const fault = findMachineFault(error);
  const outcome = { status: 'failed', code, detail: toMessage(error), ...(fault !== null && { fault }) } as const;
  return { ...NOTHING_DONE, outcome, durationMs: 0 };
}

function isRunErrorCode(code: string): code is RunErrorCode {
  return Object.hasOwn(RUN_ERRORS, code);
}

/** What the gateway has metered of an attempt so far. */
export function toSpending(pass: GatewayPass): Spending {
  const { costMicros, models } = pass.meter();
  return {
    costMicros,
    models: Object.fromEntries(
      Object.entries(models).map(([model, { costMicros: cost, ownCostMicros, isEstimated: _, ...usage }]) => [
        model,
        { ...usage, costUsd: toUsd(cost), ownCostUsd: ownCostMicros === null ? null : toUsd(ownCostMicros) },
      ]),
    ),
  };
}
