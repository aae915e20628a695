import { NOTHING_DONE, startAgentProcess, type AgentProcess, type AgentReport } from '../agent/agent-process.ts';
import type { Agent } from '../config/config.ts';
import type { EventType, NewEvent } from '../core/events.ts';
import { inBackground } from '../core/guard.ts';
import type { RunLimits } from '../core/limits.ts';
import { toMicros } from '../core/money.ts';
import type { ContentPart } from '../core/prompt-parts.ts';
import { report } from '../core/process-events.ts';
import type { GatewayPass } from '../gateway/gateway.ts';
import type { Reach } from '../gateway/reach.ts';
import { readParts } from '../run/attachments/read-parts.ts';
import { recordMetered } from '../run/money/record-metered.ts';
import type { Run } from '../run/run.ts';
import type { SessionLease } from '../run/sessions/sessions.ts';
import type { Spending } from '../run/money/spending.ts';
import { createApprovalDesk } from './approval-desk.ts';
import { logFailure, type Attempt } from './attempt.ts';
import { coalesce } from './coalesce.ts';
import { createTranscript, type Conversation } from './conversation.ts';
import { findAgent } from './find-agent.ts';
import { keepsConversations } from './kept-turn.ts';
import type { LeaseStanding } from './lease-keeper.ts';
import { createMessageDelivery } from './message-delivery.ts';
import { retryWhileAway } from './retry-while-away.ts';
import { toSpending } from './settlement.ts';
import { isKeptForUser, leaveStation, prepareStation, type Station } from './station.ts';

/**
 * Does the work of an attempt: prepares its station, opens its pass at the gateway, and runs its process. Resolves with
 * the report of the process when no process of the attempt is left.
 */
export async function work(attempt: Attempt): Promise<AgentReport> {
  const { deps, claim, stopRequest } = attempt;
  const { run } = claim;
  const preparing = prepare(attempt);
  const ready = await Promise.race([preparing, stopRequest.made]);
  if (typeof ready === 'string') {
    // A template may take long to copy: the attempt does not wait for it.
    inBackground(
      async () =>
        leaveStation(await preparing, { deps, run, sessionLease: toSessionLease(attempt), keptProcess: null }),
      () => {},
    );
    return { ...NOTHING_DONE, outcome: { status: 'stopped', reason: ready }, durationMs: 0 };
  }
  attempt.station = ready;
  const limits = toRemaining(run, ready.conversation);
  attempt.pass = openPass(attempt, ready, limits);
  attempt.delivery = openDelivery(attempt);
  attempt.desk = openDesk(attempt, ready.agent);
  if (attempt.isHoldingStopped) attempt.desk.release();
  if (ready.spare === null) report('process.started', { agent: run.agent, kind: 'cold' });
  const process = startProcess(attempt, { station: ready, pass: attempt.pass, ask: attempt.desk.ask, limits });
  attempt.process = process;
  attempt.delivery.deliver();
  // A process that was waiting is not a start that other starts must wait for.
  if (ready.spare !== null) attempt.started.resolve();
  inBackground(
    async () => process.stop(await stopRequest.made),
    (err) => logFailure(attempt, err),
  );
  return process.done;
}

/** The station of an attempt, and the content of its prompt if that is more than a text. */
interface ReadyStation extends Station {
  readonly promptParts: readonly ContentPart[] | null;
}

async function prepare(attempt: Attempt): Promise<ReadyStation> {
  const { deps, claim, leaseLost } = attempt;
  const { run } = claim;
  const { parts } = run;
  const promptParts =
    parts === null ? null : await retryWhileAway(() => readParts(deps.database, parts), { signal: leaseLost });
  const agent = await findAgent(attempt);
  const station = await prepareStation({ deps, run, agent, sessionLease: toSessionLease(attempt), leaseLost });
  return { ...station, promptParts };
}

export function toSessionLease({ claim: { run, lease } }: Attempt): SessionLease {
  return { sessionId: run.sessionId, lease };
}

/** Admits the process of the station to the gateway, with what is left of the run's limits. */
function openPass(attempt: Attempt, { lane, agent }: Station, limits: RunLimits): GatewayPass {
  const { deps, claim, leaseLost } = attempt;
  const { lease } = claim;
  const saveMeter = coalesce((metered: Spending) =>
    retryWhileAway(() => recordMetered(deps.database, { lease, metered }), { signal: leaseLost }),
  );
  const pass = lane.open({
    attemptId: claim.attemptId,
    logFacts: attempt.logFacts,
    provider: agent.provider,
    ceilingMicros: toMicros(limits.maxBudgetUsd),
    maxThinkingTokens: limits.maxThinkingTokens,
    maxTurns: limits.maxTurns,
    reach: toReach(agent),
    trace: attempt.trace.context,
    onSpans: attempt.trace.onSpans,
    onMeter: () => saveMeter(toSpending(pass)),
    isEntitled: () => ENTITLED[deps.leases.standingOf(lease)],
  });
  return pass;
}

/** The provider must not connect to what the agent's sandbox closes. A tool that searches is the operator's choice. */
function toReach({ sandbox, tools, subagents }: Agent): Reach {
  if (sandbox === null) return 'any';
  return [tools, ...subagents.map((one) => one.tools)].flat().includes('WebSearch') ? 'searches' : 'none';
}

/** Maps the standing of a lease to the right to send a model call. */
const ENTITLED = { valid: true, doubtful: 'unknown', lost: false } as const satisfies Record<LeaseStanding, unknown>;

function openDelivery(attempt: Attempt): NonNullable<Attempt['delivery']> {
  const { deps, claim, events, leaseLost } = attempt;
  return createMessageDelivery({
    database: deps.database,
    run: claim.run,
    sessionLease: toSessionLease(attempt),
    say: (message) => attempt.process?.say(message),
    onEvent: events.add,
    leaseLost,
    log: deps.log,
  });
}

function openDesk(attempt: Attempt, agent: Agent): NonNullable<Attempt['desk']> {
  const { deps, claim, events, leaseLost, startedAt, stopRequest } = attempt;
  const { run, lease } = claim;
  return createApprovalDesk({
    database: deps.database,
    run,
    lease,
    agent,
    endsAtMs: startedAt + run.limits.timeoutSeconds * 1_000,
    onEvent: events.add,
    flush: events.flush,
    giveUp: () => stopRequest.make('awaits_approval'),
    leaseLost,
    log: deps.log,
  });
}

interface ProcessParts {
  readonly station: ReadyStation;
  readonly pass: GatewayPass;
  readonly ask: NonNullable<Attempt['desk']>['ask'];
  readonly limits: RunLimits;
}

function startProcess(attempt: Attempt, { station, pass, ask, limits }: ProcessParts): AgentProcess {
  const { deps, claim, events, leaseLost } = attempt;
  const { run, attemptId } = claim;
  const { agent, conversation, lane, spare, workspaceDir } = station;
  const ceilingMicros = toMicros(limits.maxBudgetUsd);
  const isForUser = isKeptForUser(agent, run);
  return startAgentProcess({
    attemptId,
    runId: run.id,
    sessionId: run.sessionId,
    ...conversation,
    transcript: createTranscript({
      database: deps.database,
      sessionLease: toSessionLease(attempt),
      leaseLost,
      flushLog: events.flush,
    }),
    process: spare?.process ?? null,
    hasConversation: (spare?.turn ?? null) !== null,
    keepProcess: isForUser,
    // A process for the user's runs serves new sessions too.
    keepConversation: () => !isForUser && keepsConversations(agent) && deps.spares.conversations.mayKeep(agent),
    facts: { user: run.user, team: run.team, metadata: run.metadata, attempt: run.attempt },
    prompt: run.prompt,
    promptParts: station.promptParts,
    agent,
    limits,
    workspaceDir,
    gateway: { url: deps.gateway.url, token: lane.token },
    telemetry: attempt.trace.telemetry,
    onMessageTakenUp: (id) => attempt.delivery?.noteTakenUp(id),
    askForToolUse: ask,
    // The log contains a tool use before the tool runs.
    beforeToolUse: events.flush,
    // At the budget of its session the run continues when that is raised, and then reads what its tools have done.
    hasMoneyLeft: () => run.isBoundBySession || pass.meter().costMicros < ceilingMicros,
    // Hooks in a project's own settings may take long, and send no messages.
    ...(agent.settingSources.length === 0 && { hasOpenModelCall: () => pass.openRequests > 0 }),
    providerFailure: () => pass.failure(),
    claudePath: deps.claudePath,
    scratchRoot: deps.scratchRoot,
    findPlaces: deps.findPlaces,
    sandboxHost: deps.sandboxHost,
    spawner: deps.spawner,
    onEvent: (event) => record(attempt, event),
    log: deps.log,
  });
}

function record(attempt: Attempt, event: NewEvent): void {
  const { deps, events, started, answering, measure } = attempt;
  started.resolve();
  measure(event, attempt.station);
  if (event.type === 'agent.init') deps.machine.noteBegun();
  events.add(event);
  if (ANSWERING.has(event.type)) answering.resolve();
}

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
