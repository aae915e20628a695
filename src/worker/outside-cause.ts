import type { AgentReport } from '../agent/agent-process.ts';
import type { Agent } from '../config/config.ts';
import type { RunErrorCode } from '../core/errors.ts';
import type { MachineFault } from '../core/machine-fault.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { MachinePauses } from './machine-pauses.ts';

interface OutsideCauseOptions {
  readonly report: AgentReport;
  readonly agent: Agent | undefined;
  /** True when a model was asked at least once. */
  readonly hasAsked: boolean;
  readonly machine: Pick<MachinePauses, 'note' | 'probe'>;
  /** Resolves when the worker begins to stop. */
  readonly leaving: Promise<void>;
}

/** Codes of a failed process whose cause may be the machine, so that the machine is probed. */
const OF_PROCESS: ReadonlySet<RunErrorCode> = new Set(['cli_start_failed', 'cli_crashed', 'internal_error']);

/** Signals, and exit codes (128 plus the signal's number), of a process that was asked to end. */
const ASKED_TO_END: ReadonlySet<string | number> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 143, 130, 129]);

/** Time within which the worker must begin to stop: a signal to all processes of a unit may reach the worker later. */
const LEAVING_TIMEOUT_MS = 1_000;

/**
 * Finds the reason of a failed attempt when its machine or an operator caused it; null when the attempt itself did. The
 * machine is a cause only before a model was asked: a later attempt may have filled the disk itself, and would fill one
 * machine after the other. In both cases the worker claims no more runs until the machine works again.
 */
export async function findOutsideCause(options: OutsideCauseOptions): Promise<string | null> {
  const { report, agent, hasAsked, machine, leaving } = options;
  const { outcome, exitCode, signal } = report;
  if (outcome.status !== 'failed') return null;
  const isOfProcess = OF_PROCESS.has(outcome.code);
  if (isOfProcess && (ASKED_TO_END.has(signal ?? '') || ASKED_TO_END.has(exitCode ?? 0))) {
    if (await settlesWithin(leaving, LEAVING_TIMEOUT_MS))
      return `Claude Code was asked to end together with its worker (${signal ?? `exit code ${exitCode}`}).`;
  }
  const fault = noteFault(options, outcome.fault) ?? (isOfProcess ? await machine.probe() : null);
  if (fault === null || hasAsked) return null;
  return `The machine could not execute the attempt: ${fault.message}${agent === undefined ? '' : ` (agent "${agent.name}")`}`;
}

function noteFault(
  { agent, report, machine }: OutsideCauseOptions,
  fault: MachineFault | undefined,
): MachineFault | null {
  if (fault === undefined) return null;
  const isOfWorkspace = report.outcome.status === 'failed' && report.outcome.code === 'workspace_invalid';
  const workspace =
    isOfWorkspace && agent !== undefined ? { agent: agent.name, root: agent.workspace.root } : undefined;
  machine.note(fault, workspace);
  return fault;
}
