import type { AgentReport } from '../agent/agent-process.ts';
import type { Agent } from '../config/config.ts';
import type { RunErrorCode } from '../core/errors.ts';
import type { MachineFault } from '../core/machine-fault.ts';
import { settlesWithin } from '../core/settles-within.ts';
import type { MachineHolds } from './machine-holds.ts';

interface OutsideCauseOptions {
  readonly report: AgentReport;
  readonly agent: Agent | undefined;
  /** Whether a model was asked anything. */
  readonly hasAsked: boolean;
  readonly machine: Pick<MachineHolds, 'note' | 'look'>;
  /** Resolves when the worker begins to leave. */
  readonly leaving: Promise<void>;
}

/** What a process is taken to have failed by that could not do its work: here it is worth a look at the machine. */
const OF_PROCESS: ReadonlySet<RunErrorCode> = new Set(['cli_start_failed', 'cli_crashed', 'internal_error']);

/** How a process ends that was asked to: by the signal, or with 128 and its number. */
const ASKED_TO_END: ReadonlySet<string | number> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 143, 130, 129]);

/** A signal to all processes of a unit reaches the worker, but it may be behind. */
const LEAVING_TIMEOUT_MS = 1_000;

/**
 * Why an attempt has failed, where that is not its own doing but its machine's or the operator's; null when it is to
 * blame itself. The machine is only to blame before a model was asked: what came after may have filled the disk itself, and
 * would fill one after the other. Either way the worker claims no more until the machine can be worked on.
 */
export async function findOutsideCause(options: OutsideCauseOptions): Promise<string | null> {
  const { report, agent, hasAsked, machine, leaving } = options;
  const { outcome, exitCode, signal } = report;
  if (outcome.status !== 'failed') return null;
  const isOfProcess = OF_PROCESS.has(outcome.code);
  if (isOfProcess && (ASKED_TO_END.has(signal ?? '') || ASKED_TO_END.has(exitCode ?? 0))) {
    if (await settlesWithin(leaving, LEAVING_TIMEOUT_MS))
      return `Claude Code was told to end together with its worker (${signal ?? `exit code ${exitCode}`}).`;
  }
  const fault = noteFault(options, outcome.fault) ?? (isOfProcess ? await machine.look() : null);
  if (fault === null || hasAsked) return null;
  return `The machine could not carry it out: ${fault.message}${agent === undefined ? '' : ` (agent "${agent.name}")`}`;
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
