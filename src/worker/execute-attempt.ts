import {
  NOTHING_DONE,
  startAgentProcess,
  type AgentProcess,
  type AgentReport,
  type StopReason,
} from '../agent/agent-process.ts';
import type { Places } from '../agent/places.ts';
import type { Agent } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import type { EventType } from '../core/events.ts';
import { inBackground } from '../core/guard.ts';
import type { Logger } from '../core/log.ts';
import { toMicros } from '../core/money.ts';
import { after } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import type { RunLimits } from '../core/limits.ts';
import type { Gateway, GatewayPass } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import { recordEvents } from '../run/log/append-events.ts';
import type { Claim } from '../run/claim/claim.ts';
import { recordMetered } from '../run/money/record-metered.ts';
import type { RunRules } from '../run/rules.ts';
import type { Run } from '../run/run.ts';
import type { Spending } from '../run/money/spending.ts';
import { createApprovalDesk, type ApprovalDesk } from './approval-desk.ts';
import { coalesce } from './coalesce.ts';
import { createTranscript, type Conversation } from './conversation.ts';
import { endAttempt } from './end-attempt.ts';
import { createEventRecorder } from './event-recorder.ts';
import type { LeaseKeeper, LeaseStanding } from './lease-keeper.ts';
import { createEventMask } from './mask-events.ts';
import type { MachineHolds } from './machine-holds.ts';
import { createMessageDelivery, type MessageDelivery } from './message-delivery.ts';
import { findOutsideCause } from './outside-cause.ts';
import { toFailedReport, toSettlement, toSpending } from './settlement.ts';
import { retryWhileAway } from './retry-while-away.ts';
import type { Spares } from './spares.ts';
import { leaveStation, prepareStation, type Station } from './station.ts';

export interface ExecuteDeps {
  readonly database: Database;
  readonly queue: Queue;
  readonly rules: RunRules;
  readonly gateway: Gateway;
  readonly leases: LeaseKeeper;
  readonly spares: Spares;
  readonly agents: ReadonlyMap<string, Agent>;
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  /** Lists the places that are hidden from the processes of attempts. */
  readonly findPlaces: () => Promise<Places>;
  readonly dataDir: string;
  readonly machine: Pick<MachineHolds, 'note' | 'look' | 'noteBegun'>;
  /** Resolves when the worker begins to stop. */
  readonly leaving: Promise<void>;
  readonly log: Logger;
}

/** An attempt in progress. */
export interface Execution {
  readonly runId: string;
  /** Resolves when the process tree has ended and the attempt is settled, or lost to another worker. */
  readonly done: Promise<void>;
  /** Resolves with the first message of its process, or when the attempt ends. */
  readonly started: Promise<void>;
  /** Returns the memory that its processes use now; null until it is first measured. */
  residentBytes(): number | null;
  /** Checks for new messages and decisions. Call it when either may exist. */
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
export function executeAttempt(deps: ExecuteDeps, claim: Claim): Execution {
  const { database, leases, log } = deps;
  const { run, lease, attemptId } = claim;
  const startedAt = performance.now();
  const stopped = Promise.withResolvers<StopReason>();
  let stopReason: StopReason | null = null;
  let isLeaseLost = false;
  const onFailure = (err: unknown) => log.error({ err, runId: run.id }, 'a background task of an attempt failed');
  const stop = (reason: StopReason) => {
    stopReason ??= reason;
    stopped.resolve(reason);
  };

  let { lastSeq } = claim;
  let unrecordable: string | null = null;
  const recorder = createEventRecorder({
    async write(events) {
      const isOurs = await recordEvents(database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq });
      lastSeq += events.length;
      return isOurs;
    },
    onLost: (loss) => {
      log.error({ runId: run.id, attempt: run.attempt, ...loss }, 'the events of the run can no longer be recorded');
      if (loss.kind === 'lease_lost' || loss.kind === 'away') return leases.giveUp(lease);
      unrecordable = loss.detail;
      stop('unrecordable');
    },
  });
  const masked = createEventMask((event) => recorder.add(event));
  leases.hold({
    lease,
    onLost() {
      // Also while the attempt stops for another reason: nothing can be written any more.
      isLeaseLost = true;
      recorder.abandon();
      stop('lease_lost');
    },
    onCancelRequested: () => stop('cancelled'),
  });
  const timeout = after(run.limits.timeoutSeconds * 1_000, () => stop('run_timeout'));
  const saveMeter = coalesce((metered: Spending) =>
    retryWhileAway(() => recordMetered(database, { lease, metered }), { isLost: () => isLeaseLost }),
  );
  const started = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  inBackground(async () => {
    await answering.promise;
    deps.spares.look();
  }, onFailure);
  let agentProcess: AgentProcess | null = null;
  let station: Station | null = null;
  let pass: GatewayPass | null = null;
  let delivery: MessageDelivery | null = null;
  let desk: ApprovalDesk | null = null;
  let isHoldingStopped = false;

  async function work(): Promise<AgentReport> {
    const agent = deps.agents.get(run.agent);
    if (agent === undefined) {
      throw new LonghaulError('internal_error', { message: `Agent "${run.agent}" is not configured on this worker.` });
    }
    const hold = { sessionId: run.sessionId, lease };
    const preparing = prepareStation({ deps, run, agent, hold, isLost: () => isLeaseLost });
    const ready = await Promise.race([preparing, stopped.promise]);
    if (typeof ready === 'string') {
      // A template may take long to copy: the attempt does not wait for it.
      inBackground(
        async () => leaveStation(await preparing, { spares: deps.spares, run, keptProcess: null }),
        () => {},
      );
      return { ...NOTHING_DONE, outcome: { status: 'stopped', reason: ready }, durationMs: 0 };
    }
    station = ready;
    const { lane, spare, workspaceDir, conversation } = station;
    const limits = toRemaining(run, conversation);
    const ceilingMicros = toMicros(limits.maxBudgetUsd);
    const opened = lane.open({
      attemptId,
      provider: agent.provider,
      ceilingMicros,
      maxThinkingTokens: limits.maxThinkingTokens,
      maxTurns: limits.maxTurns,
      onMeter: () => saveMeter(toSpending(opened)),
      isEntitled: () => ENTITLED[leases.standingOf(lease)],
    });
    pass = opened;
    delivery = createMessageDelivery({
      database,
      run,
      hold,
      say: (message) => agentProcess?.say(message),
      onEvent: (event) => masked.add(event),
      isLost: () => isLeaseLost,
      log,
    });
    const opening = createApprovalDesk({
      database,
      run,
      lease,
      agent,
      endsAtMs: startedAt + run.limits.timeoutSeconds * 1_000,
      onEvent: (event) => masked.add(event),
      flush: () => recorder.flush(),
      giveUp: () => stop('awaits_approval'),
      isLost: () => isLeaseLost,
      log,
    });
    desk = opening;
    if (isHoldingStopped) desk.release();
    const process = startAgentProcess({
      attemptId,
      runId: run.id,
      sessionId: run.sessionId,
      ...conversation,
      transcript: createTranscript({ database, hold, isLost: () => isLeaseLost }),
      process: spare?.process ?? null,
      keepProcess: agent.isReused && run.user !== null,
      facts: { user: run.user, team: run.team, metadata: run.metadata, attempt: run.attempt },
      prompt: run.prompt,
      agent,
      limits,
      workspaceDir,
      gateway: { url: deps.gateway.url, token: lane.token },
      onMessageTakenUp: (id) => delivery?.noteTakenUp(id),
      askForToolUse: opening.ask,
      // The log contains a tool use before the tool runs.
      beforeToolUse: () => recorder.flush(),
      hasMoneyLeft: () => opened.meter().costMicros < ceilingMicros,
      // Hooks in a project's own settings may take long, and send no messages.
      ...(agent.settingSources.length === 0 && { hasOpenModelCall: () => opened.openRequests > 0 }),
      providerFailure: () => opened.failure(),
      claudePath: deps.claudePath,
      scratchRoot: deps.scratchRoot,
      findPlaces: deps.findPlaces,
      onEvent(event) {
        started.resolve();
        if (event.type === 'agent.init') deps.machine.noteBegun();
        masked.add(event);
        if (ANSWERING.has(event.type)) answering.resolve();
      },
      log,
    });
    agentProcess = process;
    delivery.look();
    // A process that was waiting is not a start that other starts must wait for.
    if (spare !== null) started.resolve();
    inBackground(async () => process.stop(await stopped.promise), onFailure);
    return process.done;
  }

  async function execute(): Promise<void> {
    let report: AgentReport;
    try {
      report = await work();
    } catch (error) {
      report = toFailedReport(error);
    } finally {
      // From here on nothing in this attempt can spend, even if a process is still alive.
      pass?.close();
      clearTimeout(timeout);
      started.resolve();
      answering.resolve();
    }
    const outsideCause = await findOutsideCause({
      report,
      agent: deps.agents.get(run.agent),
      hasAsked: (pass?.meter().requestCount ?? 0) > 0,
      machine: deps.machine,
      leaving: deps.leaving,
    });
    if (station !== null) leaveStation(station, { spares: deps.spares, run, keptProcess: report.keptProcess });
    const settlement = toSettlement({
      report,
      pass,
      stopReason,
      outsideCause,
      unrecordable,
      durationMs: Math.round(performance.now() - startedAt),
    });
    await desk?.close();
    await delivery?.flush();
    masked.end();
    const isOurs = (await recorder.flush()) || unrecordable !== null;
    const isSettled = await endAttempt(deps, {
      claim,
      settlement: isOurs ? settlement : null,
      metered: pass === null ? null : toSpending(pass),
      isLost: () => isLeaseLost,
    });
    if (!isSettled) leases.giveUp(lease);
  }

  const done = execute()
    .catch((error: unknown) => log.error({ err: error, runId: run.id }, 'an attempt could not be settled'))
    .finally(() => leases.release(run.id));
  return {
    runId: run.id,
    done,
    started: started.promise,
    residentBytes: () => agentProcess?.residentBytes ?? null,
    deliver() {
      delivery?.look();
      desk?.look();
    },
    stopHolding() {
      isHoldingStopped = true;
      desk?.release();
    },
    stop,
  };
}

/** Maps the standing of a lease to the right to send a model call. */
const ENTITLED = { held: true, doubtful: 'unknown', lost: false } as const satisfies Record<LeaseStanding, unknown>;

/** The events that show that a run has begun to answer. Work after the first of them delays no first text. */
const ANSWERING: ReadonlySet<EventType> = new Set([
  'agent.text.delta',
  'agent.text',
  'agent.thinking',
  'agent.tool_use',
]);

/** Returns what is left of the run's limits: earlier attempts used them too, because they are limits of the run. */
function toRemaining({ limits, costUsd, turns }: Run, { isResumed }: Conversation): RunLimits {
  return {
    ...limits,
    maxBudgetUsd: Math.max(0, limits.maxBudgetUsd - costUsd),
    // An attempt that starts from the beginning gets all turns again; an attempt that was cut off in its last turn gets
    // that turn.
    maxTurns: isResumed ? Math.max(Math.min(1, limits.maxTurns), limits.maxTurns - turns) : limits.maxTurns,
  };
}
