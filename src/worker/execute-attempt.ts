import { startAgentProcess, type AgentReport, type StopReason } from '../agent/agent-process.ts';
import type { Agent } from '../config/config.ts';
import { LonghaulError, RUN_ERRORS, toMessage, type RunErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { toUsd } from '../core/money.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayPass } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import { recordEvents } from '../run/append-events.ts';
import type { Claim } from '../run/claim.ts';
import { recordMetered } from '../run/record-metered.ts';
import type { Run } from '../run/run.ts';
import { settleAttempt, type AttemptOutcome, type Settlement } from '../run/settle.ts';
import type { Spending } from '../run/spending.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import { logFinishedRun } from './log-finished-run.ts';
import { prepareWorkspace } from './workspace.ts';

export interface ExecuteDeps {
  readonly database: Database;
  readonly queue: Queue;
  readonly gateway: Gateway;
  readonly leases: LeaseKeeper;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  readonly log: Logger;
}

/** An attempt under way. */
export interface Execution {
  readonly runId: string;
  /** Resolves when the process tree is gone and the attempt is settled, or lost to another worker. */
  readonly done: Promise<void>;
  /** Ends it early; the first reason counts. */
  stop(reason: StopReason): void;
}

/**
 * Executes one claimed attempt from workspace to settlement. Never rejects: whatever goes wrong becomes the
 * attempt's outcome, and what cannot be written is left to the lease, which then runs out.
 */
export function executeAttempt(deps: ExecuteDeps, claim: Claim): Execution {
  const { database, leases, log } = deps;
  const { run, lease, attemptId } = claim;
  const startedAt = performance.now();
  const stopped = Promise.withResolvers<StopReason>();
  let stopReason: StopReason | null = null;
  const stop = (reason: StopReason) => {
    stopReason ??= reason;
    stopped.resolve(reason);
  };

  let { lastSeq } = claim;
  const recorder = createEventRecorder({
    async write(events) {
      const isOurs = await recordEvents(database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq });
      lastSeq += events.length;
      return isOurs;
    },
    onLost: (reason) => {
      log.error({ runId: run.id, attempt: run.attempt, reason }, 'events of the run cannot be recorded any more');
      stop('lease_lost');
    },
  });
  leases.hold({ lease, onLost: () => stop('lease_lost'), onCancelRequested: () => stop('cancelled') });
  const timeout = setTimeout(() => stop('run_timeout'), run.limits.timeoutSeconds * 1_000);
  const saveMeter = coalesce((metered: Spending) => recordMetered(database, { lease, metered }));
  const pass = deps.gateway.open({ attemptId, onMeter: () => saveMeter(toSpending(pass)) });

  async function work(): Promise<AgentReport> {
    const agent = deps.agents.get(run.agent);
    if (agent === undefined) {
      throw new LonghaulError('internal_error', { message: `Agent "${run.agent}" is not configured on this worker.` });
    }
    const workspaceDir = await prepareWorkspace(agent.workspace, run);
    const process = startAgentProcess({
      attemptId,
      runId: run.id,
      sessionId: run.sessionId,
      prompt: run.prompt,
      agent,
      limits: run.limits,
      workspaceDir,
      gateway: { url: deps.gateway.url, token: pass.token },
      providerFailure: () => pass.failure(),
      claudePath: deps.claudePath,
      scratchRoot: deps.scratchRoot,
      onEvent: recorder.add,
      log,
    });
    void stopped.promise.then((reason) => process.stop(reason));
    return process.done;
  }

  async function execute(): Promise<void> {
    let report: AgentReport;
    try {
      report = await work();
    } catch (error) {
      report = toFailedReport(error);
    } finally {
      // From here on nothing of this attempt can spend, whatever may still be alive.
      pass.close();
      clearTimeout(timeout);
    }
    const settlement = toSettlement({
      report,
      pass,
      stopReason,
      durationMs: Math.round(performance.now() - startedAt),
    });
    const isLost = stopReason === 'lease_lost' || settlement === null || !(await recorder.flush());
    if (isLost) {
      recorder.abandon();
      log.warn({ runId: run.id, attempt: run.attempt }, 'the lease was lost; the run is left to whoever takes it up');
      return;
    }
    const settled = await settleUntilLost({ deps, claim, settlement, isLost: () => stopReason === 'lease_lost' });
    if (settled !== null) logFinishedRun(log, { run: settled, attempt: run.attempt, settlement });
  }

  const done = execute()
    .catch((error: unknown) => log.error({ err: error, runId: run.id }, 'an attempt could not be settled'))
    .finally(() => leases.release(run.id));
  return { runId: run.id, done, stop };
}

/** Settles, trying again while the database is away, for as long as the lease is ours. */
async function settleUntilLost(options: {
  deps: ExecuteDeps;
  claim: Claim;
  settlement: Settlement;
  isLost: () => boolean;
}): Promise<Run | null> {
  const { deps, claim, settlement, isLost } = options;
  for (let delayMs = 100; !isLost(); delayMs = Math.min(delayMs * 2, 2_000)) {
    try {
      return await settleAttempt(deps, { lease: claim.lease, settlement });
    } catch (error) {
      deps.log.warn({ err: error, runId: claim.run.id }, 'the run could not be settled; trying again');
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }
  return null;
}

/** The attempt's end as the run takes it; null when the lease was lost and there is nothing to settle. */
function toSettlement(options: {
  report: AgentReport;
  pass: GatewayPass;
  stopReason: StopReason | null;
  durationMs: number;
}): Settlement | null {
  const { report, pass, durationMs } = options;
  const outcome = toOutcome(report, options.stopReason);
  if (outcome === null) return null;
  const { turns, toolUses, exitCode, signal, stderrTail, claudeCodeVersion, costMicros, modelUsage } = report;
  const reported = costMicros === null ? null : { costMicros, models: modelUsage ?? {} };
  return {
    outcome,
    turns,
    durationMs,
    toolUses,
    metered: toSpending(pass),
    reported,
    exitCode,
    signal,
    stderrTail,
    claudeCodeVersion,
  };
}

function toOutcome({ outcome }: AgentReport, stopReason: StopReason | null): AttemptOutcome | null {
  if (outcome.status !== 'stopped') {
    return outcome;
  }
  switch (stopReason ?? outcome.reason) {
    case 'cancelled':
      return { status: 'cancelled' };
    case 'run_timeout':
      return { status: 'failed', code: 'run_timeout', detail: 'The run timeout ran out.' };
    case 'handed_back':
      return { status: 'handed_back' };
    case 'lease_lost':
      return null;
  }
}

function toFailedReport(error: unknown): AgentReport {
  const code = error instanceof LonghaulError && isRunErrorCode(error.code) ? error.code : 'internal_error';
  return {
    outcome: { status: 'failed', code, detail: toMessage(error) },
    turns: 0,
    durationMs: 0,
    costMicros: null,
    usage: null,
    modelUsage: null,
    toolUses: {},
    permissionDenials: 0,
    exitCode: null,
    signal: null,
    stderrTail: '',
    claudeCodeVersion: null,
    pid: null,
  };
}

function isRunErrorCode(code: string): code is RunErrorCode {
  return Object.hasOwn(RUN_ERRORS, code);
}

function toSpending(pass: GatewayPass): Spending {
  const { costMicros, models } = pass.meter();
  return {
    costMicros,
    models: Object.fromEntries(
      Object.entries(models).map(
        ([model, { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, costMicros: cost }]) => [
          model,
          { inputTokens, outputTokens, cacheReadTokens, cacheCreationTokens, costUsd: toUsd(cost) },
        ],
      ),
    ),
  };
}

/** Calls `act` with the newest value, one call at a time: what comes meanwhile is made one with what comes last. */
function coalesce<T>(act: (value: T) => Promise<unknown>): (value: T) => void {
  let newest: { value: T } | null = null;
  let isActing = false;
  const run = async () => {
    isActing = true;
    while (newest !== null) {
      const { value } = newest;
      newest = null;
      // A failure is made good by the next call, or by the settlement, which carries the final count.
      await act(value).catch(() => {});
    }
    isActing = false;
  };
  return (value) => {
    newest = { value };
    if (!isActing) void run();
  };
}
