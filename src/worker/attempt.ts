import type { AgentProcess } from '../agent/agent-process.ts';
import type { Places } from '../agent/containment/places.ts';
import type { SandboxHost } from '../agent/sandbox/sandbox-host.ts';
import type { Spawner } from '../agent/spawner/spawner.ts';
import type { Agent, Config } from '../config/config.ts';
import { guarded } from '../core/guard.ts';
import { withFacts, type Logger } from '../core/log.ts';
import { toTraceId } from '../core/run-trace.ts';
import type { Database } from '../db/database.ts';
import type { Gateway, GatewayPass } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import type { Claim } from '../run/claim/claim.ts';
import type { RunRules } from '../run/rules.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { createAttemptLog, type AttemptLog } from './attempt-log.ts';
import { createAttemptTrace, type AttemptTrace } from './attempt-trace.ts';
import { createAttemptTimer } from './attempt-timer.ts';
import { keepsConversations } from './kept-turn.ts';
import type { LeaseKeeper } from './lease-keeper.ts';
import type { MachinePauses } from './machine-pauses.ts';
import type { MessageDelivery } from './message-delivery.ts';
import type { Spares } from './spares.ts';
import type { Station } from './station.ts';
import { createStopRequest, type StopRequest } from './stop-request.ts';

/** The parts of the worker that an attempt uses. */
export interface AttemptDeps {
  readonly database: Database;
  readonly queue: Queue;
  readonly rules: RunRules;
  readonly gateway: Gateway;
  readonly leases: LeaseKeeper;
  readonly spares: Spares;
  readonly agents: ReadonlyMap<string, Agent>;
  /** The bounds of agents that clients define; null when there are none. */
  readonly managedAgents: Config['managedAgents'];
  readonly claudePath: string | null | undefined;
  readonly scratchRoot: string;
  /** Lists the places that are hidden from the processes of attempts. */
  readonly findPlaces: () => Promise<Places>;
  /** Serves the sandboxes of the processes of attempts. */
  readonly sandboxHost: SandboxHost;
  readonly spawner: Spawner;
  readonly dataDir: string;
  readonly machine: Pick<MachinePauses, 'note' | 'probe' | 'noteBegun'>;
  /** True when Claude Code's own spans are wanted. */
  readonly agentSpans: boolean;
  /** Resolves when the worker begins to stop. */
  readonly leaving: Promise<void>;
  readonly log: Logger;
}

/** A claimed attempt that this worker executes. It gets its parts one after another; each is null until then. */
export interface Attempt {
  readonly deps: AttemptDeps;
  readonly claim: Claim;
  /** The fields of its log lines, which `deps.log` adds by itself. */
  readonly logFacts: Readonly<Record<string, unknown>>;
  /** The time of its claim, on the monotonic clock. */
  readonly startedAt: number;
  /** Aborted when its lease is lost: from then on nothing can be written. */
  readonly leaseLost: AbortSignal;
  readonly stopRequest: StopRequest;
  readonly events: AttemptLog;
  readonly trace: AttemptTrace;
  /** Resolved with the first message of its process, or when the attempt ends. */
  readonly started: PromiseWithResolvers<void>;
  /** Resolved when the model begins to answer, or when the attempt ends. */
  readonly answering: PromiseWithResolvers<void>;
  /** Reports the times of its first text and of its tools. */
  readonly measure: ReturnType<typeof createAttemptTimer>;
  /** True when the worker is stopping: the process then waits for no person. */
  isHoldingStopped: boolean;
  station: Station | null;
  pass: GatewayPass | null;
  delivery: MessageDelivery | null;
  desk: ApprovalDesk | null;
  process: AgentProcess | null;
}

/** Begins an attempt: opens its log and keeps its lease, whose loss ends the attempt. */
export function createAttempt(workerDeps: AttemptDeps, claim: Claim): Attempt {
  const { run, lease } = claim;
  const logFacts = { runId: run.id, attempt: run.attempt, traceId: toTraceId(run) ?? undefined };
  const log = withFacts(workerDeps.log, logFacts);
  const deps = { ...workerDeps, log };
  const { database, leases } = deps;
  const startedAt = performance.now();
  const stopRequest = createStopRequest();
  const agent = deps.agents.get(run.agent);
  const trace = createAttemptTrace({
    claim,
    isReused: agent !== undefined && (agent.isReused || keepsConversations(agent)),
    agentSpans: deps.agentSpans,
  });
  const events = createAttemptLog({
    database,
    claim,
    onEvent: trace.note,
    onLeaseLost: () => leases.giveUp(lease),
    onUnrecordable: () => stopRequest.make('unrecordable'),
    log,
  });
  const leaseLost = leases.keep({ lease, onCancelRequested: () => stopRequest.make('cancelled') });
  const onLeaseLost = guarded(() => {
    // Also while the attempt stops for another reason: nothing can be written any more.
    events.abandon();
    stopRequest.make('lease_lost');
  });
  leaseLost.addEventListener('abort', onLeaseLost, { once: true });
  return {
    deps,
    claim,
    logFacts,
    startedAt,
    leaseLost,
    stopRequest,
    events,
    trace,
    started: Promise.withResolvers(),
    answering: Promise.withResolvers(),
    measure: createAttemptTimer({ agent: run.agent, startedAt }),
    isHoldingStopped: false,
    station: null,
    pass: null,
    delivery: null,
    desk: null,
    process: null,
  };
}

/** Logs the failure of a task that runs beside an attempt. */
export function logFailure({ deps, claim }: Attempt, err: unknown): void {
  deps.log.error({ err, runId: claim.run.id }, 'a background task of an attempt failed');
}
