import { setTimeout as delay } from 'node:timers/promises';
import { IN_PROCESS_KEY_ID } from '../access/keys.ts';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { LonghaulError } from '../core/errors.ts';
import { isFinal } from '../core/states.ts';
import { beginAgentCheck, nameAgentCheckRun, readAgentCheck } from '../run/agent-checks.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { cancelRun } from '../run/cancel.ts';
import { findRun } from '../run/read/read-runs.ts';
import type { Run } from '../run/run.ts';
import { SEES_ALL } from '../run/viewer.ts';
import type { ApiDeps } from './api-deps.ts';
import type { AgentHealth } from './contract.ts';
import { PATIENCE_MS, toAgentHealth, type CheckState } from './to-agent-health.ts';

/** Maximum age of an answer that was not healthy. */
const RECHECK_MS = 60_000;

/** Maximum time to queue a question, and how often to check whether it is queued. */
const PUT_MS = 5_000;
const PUT_LOOK_MS = 100;

interface CheckOptions {
  /** Milliseconds to wait for the answer to a question in progress. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Checks that an agent answers, by asking it with a normal run through queue, worker, Claude Code and provider. The
 * fleet asks only once, however many callers check: an answer is cached until it is old, and only one server asks
 * again.
 *
 * The result is in the run that asked; the single row of `agent_checks` only names that run. If a server crashes in
 * between, its run still ends by itself.
 */
export async function checkAgent(deps: ApiDeps, options: CheckOptions): Promise<AgentHealth> {
  const known = await readState(deps);
  const isFresh = known.last !== null && known.ageMs < toMaxAgeMs(deps, known.last);
  if (!isFresh && known.current === null && !known.isBeingPut) {
    const isOurs = await beginAgentCheck(deps.database, {
      knownRunId: known.last?.id ?? null,
      patienceMs: PATIENCE_MS,
    });
    const refusal = isOurs ? await ask(deps) : null;
    if (refusal !== null) return toAgentHealth(deps, { last: null, current: null, isBeingPut: false, refusal });
  }
  return toAgentHealth(deps, await waitForAnswer(deps, options));
}

/** Reads the state when no question is in progress, the time is up or the signal aborts. */
async function waitForAnswer(deps: ApiDeps, { waitMs, signal }: CheckOptions): Promise<CheckState> {
  const endAt = performance.now() + waitMs;
  for (;;) {
    const state = await readState(deps);
    const timeoutMs = endAt - performance.now();
    const isDone = state.current === null && !state.isBeingPut;
    if (isDone || timeoutMs <= 0 || signal.aborted) return state;
    if (state.current === null) await delay(PUT_LOOK_MS);
    else await waitForEnd(deps, state.current.id, { timeoutMs: Math.min(timeoutMs, 1_000), signal });
  }
}

async function waitForEnd(
  { hub }: ApiDeps,
  runId: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const watch = hub.watchEnd(runId);
  try {
    await watch.next(options);
  } finally {
    watch.close();
  }
}

/** Reads the last run that answered, and the run in progress. Cancels a run that got no answer in time. */
async function readState({ config, database, queue, log }: ApiDeps): Promise<CheckState & { readonly ageMs: number }> {
  const check = await readAgentCheck(database);
  const { runId, earlierRunId, ageMs } = check ?? { runId: null, earlierRunId: null, ageMs: 0 };
  const find = (id: string | null) => (id === null ? null : findRun(database, { runId: id, viewer: SEES_ALL }));
  const [run, earlier] = await Promise.all([find(runId), find(earlierRunId)]);
  if (run !== null && !isFinal(run.status)) {
    if (ageMs > PATIENCE_MS) {
      await cancelRun({ database, queue, rules: config, log }, run.id);
      return { last: run, current: null, isBeingPut: false, ageMs };
    }
    return { last: earlier, current: run, isBeingPut: false, ageMs };
  }
  const isBeingPut = check !== null && runId === null && ageMs < PUT_MS;
  return { last: run ?? earlier, current: null, isBeingPut, ageMs };
}

/** Returns the maximum age of an answer. */
function toMaxAgeMs({ config }: ApiDeps, run: Run): number {
  const everyMs = config.health.everySeconds * 1_000;
  return run.status === 'succeeded' ? everyMs : Math.min(RECHECK_MS, everyMs);
}

/** Submits the question. Returns the reason, in words, if it was rejected. */
async function ask({ config, database, queue, log }: ApiDeps): Promise<string | null> {
  const agent = config.agents.get(HEALTH_AGENT)!;
  try {
    const acceptRuns = createAcceptRuns({ database, queue, rules: config, log });
    const { runs } = await acceptRuns({
      submission: {
        agent,
        prompt: 'Reply with OK',
        user: null,
        team: null,
        metadata: {},
        priority: 100,
        startAfter: null,
        limits: agent.limits,
        requestedLimits: {},
        retryOf: null,
        idempotencyKey: null,
        // The run belongs to no caller, so no webhook receives it.
        createdBy: IN_PROCESS_KEY_ID,
        actor: SYSTEM_ACTOR,
      },
    });
    await nameAgentCheckRun(database, runs[0]!.id);
    return null;
  } catch (error) {
    if (error instanceof LonghaulError && error.code === 'global_budget') return 'The global budget is used up.';
    throw error;
  }
}
