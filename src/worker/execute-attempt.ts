import { setTimeout as delay } from 'node:timers/promises';
import type { AgentReport, StopReason } from '../agent/agent-process.ts';
import type { ClaudeProcess } from '../agent/process/claude-process.ts';
import { inBackground } from '../core/guard.ts';
import { report } from '../core/process-events.ts';
import { after } from '../core/timers.ts';
import type { Claim } from '../run/claim/claim.ts';
import type { Settlement } from '../run/end/settle.ts';
import type { Run } from '../run/run.ts';
import { toSessionLease, work } from './attempt-work.ts';
import { toStart } from './attempt-timer.ts';
import { createAttempt, logFailure, type Attempt, type AttemptDeps } from './attempt.ts';
import { endAttempt } from './end-attempt.ts';
import { findOutsideCause } from './outside-cause.ts';
import { toFailedReport, toSettlement, toSpending } from './settlement.ts';
import { leaveStation } from './station.ts';

/** An attempt in progress. */
export interface Execution {
  readonly runId: string;
  /** Resolves when the process tree has ended and the attempt is settled, or lost to another worker. */
  readonly done: Promise<void>;
  /** Resolves with the first message of its process, or when the attempt ends. */
  readonly started: Promise<void>;
  /** Returns the memory that its processes use now; null until it is first measured. */
  residentBytes(): number | null;
  /** Delivers new messages and decisions. Call it when either may exist. */
  deliver(): void;
  /** Gives up the process if it waits for a person, because the worker is stopping. */
  stopHolding(): void;
  /** Ends the attempt early; the first reason counts. */
  stop(reason: StopReason): void;
}

/**
 * Executes one claimed attempt, from its workspace to its settlement. Never rejects: any failure becomes the attempt's
 * outcome, and when nothing can be written, the lease runs out.
 */
export function executeAttempt(deps: AttemptDeps, claim: Claim): Execution {
  const { run } = claim;
  const attempt = createAttempt(deps, claim);
  reportClaim(run);
  const done = execute(attempt)
    .catch((error: unknown) => attempt.deps.log.error({ err: error }, 'an attempt could not be settled'))
    .finally(() => deps.leases.release(run.id));
  return {
    runId: run.id,
    done,
    started: attempt.started.promise,
    residentBytes: () => attempt.process?.residentBytes ?? null,
    deliver() {
      attempt.delivery?.deliver();
      attempt.desk?.poll();
    },
    stopHolding() {
      attempt.isHoldingStopped = true;
      attempt.desk?.release();
    },
    stop: attempt.stopRequest.make,
  };
}

/** Reports how long a run has waited for its first attempt. Both times are the database's. */
function reportClaim({ agent, attempt, createdAt, startAfter, startedAt }: Run): void {
  if (attempt !== 1 || startedAt === null) return;
  const readyAt = Math.max(createdAt.getTime(), startAfter?.getTime() ?? 0);
  report('run.claimed', { agent, waitMs: startedAt.getTime() - readyAt });
}

/** The life of an attempt. */
async function execute(attempt: Attempt): Promise<void> {
  const { deps, claim } = attempt;
  const { leases } = deps;
  const { run, lease } = claim;
  const done = await workInTime(attempt);
  const outsideCause = await findOutsideCause({
    report: done,
    agent: deps.agents.get(run.agent),
    hasAsked: (attempt.pass?.meter().requestCount ?? 0) > 0,
    machine: deps.machine,
    leaving: deps.leaving,
  });
  const settlement = toSettlement({
    report: done,
    pass: attempt.pass,
    stopReason: attempt.stopRequest.reason,
    outsideCause,
    unrecordable: attempt.events.unrecordable,
    durationMs: Math.round(performance.now() - attempt.startedAt),
  });
  const isSettled = await leaveAndSettle(attempt, { settlement, keptProcess: done.keptProcess });
  attempt.trace.end(isSettled && settlement !== null ? { settlement, start: toStart(attempt.station) } : null);
  if (!isSettled) leases.giveUp(lease);
}

/** Leaves the station and settles the attempt. Returns false when this worker may no longer settle it. */
async function leaveAndSettle(
  attempt: Attempt,
  { settlement, keptProcess }: { settlement: Settlement | null; keptProcess: ClaudeProcess | null },
): Promise<boolean> {
  const { deps, claim, station, pass, leaseLost } = attempt;
  const leaving = { deps, run: claim.run, sessionLease: toSessionLease(attempt), keptProcess };
  const bidFarewell = station === null ? null : await leaveStation(station, leaving);
  let isSettled = false;
  try {
    const isOurs = await finishEvents(attempt);
    isSettled = await endAttempt(deps, {
      claim,
      settlement: isOurs ? settlement : null,
      metered: pass === null ? null : toSpending(pass),
      leaseLost,
    });
    return isSettled;
  } finally {
    await bidFarewell?.(isSettled && settlement?.outcome.status === 'succeeded');
  }
}

/** Time from a run's first text until its spare is replaced: the start of a process would delay the text's way to readers. */
const REPLACED_AFTER_MS = 100;

/** Works within the run's time. After that nothing in this attempt can spend, even if a process is still alive. */
async function workInTime(attempt: Attempt): Promise<AgentReport> {
  const { deps, claim, started, answering, stopRequest } = attempt;
  const timeout = after(claim.run.limits.timeoutSeconds * 1_000, () => stopRequest.make('run_timeout'));
  inBackground(
    async () => {
      await answering.promise;
      await delay(REPLACED_AFTER_MS, undefined, { ref: false });
      deps.spares.reconcile();
    },
    (err) => logFailure(attempt, err),
  );
  try {
    return await work(attempt);
  } catch (error) {
    return toFailedReport(error);
  } finally {
    attempt.pass?.close();
    clearTimeout(timeout);
    started.resolve();
    answering.resolve();
  }
}

/** Records the last events. Returns false when the run can no longer be settled by this worker. */
async function finishEvents({ desk, delivery, events }: Attempt): Promise<boolean> {
  await desk?.close();
  await delivery?.flush();
  events.end();
  return (await events.flush()) || events.unrecordable !== null;
}
