import type { Run } from '../run/run.ts';
import { isAnyWorkerAlive } from '../run/workers.ts';
import type { ApiDeps } from './api-deps.ts';
import type { AgentHealth } from './contract.ts';

/** Milliseconds to wait for an answer before the next question may be submitted. */
export const PATIENCE_MS = 60_000;

/** Milliseconds after which an answer is late. */
const LATE_MS = 15_000;

/** The state of the check of an agent. */
export interface CheckState {
  /** The last run that answered, or was given up; null for none. */
  readonly last: Run | null;
  /** The run in progress; null for none. */
  readonly current: Run | null;
  /** True while a server submits the question. */
  readonly isBeingPut: boolean;
  /** The reason, in words, for which the question was rejected. */
  readonly refusal?: string;
}

/** Converts the state of a check for the API. */
export async function toAgentHealth(deps: ApiDeps, state: CheckState): Promise<AgentHealth> {
  const { last, current, isBeingPut } = state;
  const latencyMs = toLatencyMs(last);
  return {
    agent: deps.config.health.agent,
    code: last?.error?.code ?? null,
    latencyMs,
    costUsd: last?.costUsd ?? null,
    checkedAt: last?.finishedAt?.toISOString() ?? null,
    isBeingChecked: current !== null || isBeingPut,
    runId: last?.id ?? current?.id ?? null,
    ...(await judge(deps, state, latencyMs)),
  };
}

function toLatencyMs(last: Run | null): number | null {
  return last?.status === 'succeeded' ? last.finishedAt!.getTime() - last.createdAt.getTime() : null;
}

async function judge(
  { database }: ApiDeps,
  { last, current, refusal }: CheckState,
  latencyMs: number | null,
): Promise<Pick<AgentHealth, 'status' | 'detail'>> {
  if (refusal !== undefined) return { status: 'degraded', detail: refusal };
  if (latencyMs !== null) {
    const detail = `The agent answered in ${(latencyMs / 1_000).toFixed(1)} s.`;
    return { status: latencyMs > LATE_MS ? 'degraded' : 'healthy', detail };
  }
  if (last?.status === 'failed') return { status: 'unhealthy', detail: last.error!.message };
  if (!(await isAnyWorkerAlive(database))) return { status: 'unhealthy', detail: 'No worker is running.' };
  if (last !== null || current?.status === 'waiting') {
    return {
      status: 'degraded',
      detail: `No answer came within ${PATIENCE_MS / 1_000} s: all slots are in use, or the provider limits requests.`,
    };
  }
  return {
    status: 'degraded',
    detail: 'The check is in progress. Try again in a moment, or wait with ?wait=.',
  };
}
