import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { IN_PROCESS_KEY_ID } from '../access/keys.ts';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { LonghaulError } from '../core/errors.ts';
import { isFinal } from '../core/states.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { cancelRun } from '../run/cancel.ts';
import { findRun } from '../run/read/read-runs.ts';
import type { Run } from '../run/run.ts';
import { SEES_ALL } from '../run/viewer.ts';
import type { ApiDeps } from './api-deps.ts';
import type { AgentHealth } from './contract.ts';

/** Milliseconds after which an answer is late. */
const LATE_MS = 15_000;

/** Milliseconds to wait for an answer before the next question may be submitted. */
const PATIENCE_MS = 60_000;

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
export async function checkAgent(deps: ApiDeps, { waitMs, signal }: CheckOptions): Promise<AgentHealth> {
  const { database, config, hub } = deps;
  const known = await readCheck();
  const isFresh = known.last !== null && known.ageMs < toAgeMs(known.last);
  if (isFresh || known.current !== null || known.isBeingPut) return waitAndTell();
  const isOurs = await takeTurn();
  if (isOurs) {
    const refusal = await ask();
    if (refusal !== null) return tell({ last: null, current: null, isBeingPut: false, refusal });
  }
  return waitAndTell();

  async function waitAndTell(): Promise<AgentHealth> {
    const endAt = performance.now() + waitMs;
    for (;;) {
      const check = await readCheck();
      const timeoutMs = endAt - performance.now();
      const isDone = check.current === null && !check.isBeingPut;
      if (isDone || timeoutMs <= 0 || signal.aborted) return tell(check);
      if (check.current === null) await delay(PUT_LOOK_MS);
      else await waitForEnd(check.current.id, { timeoutMs: Math.min(timeoutMs, 1_000), signal });
    }
  }

  async function waitForEnd(runId: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    const watch = hub.watchEnd(runId);
    try {
      await watch.next(options);
    } finally {
      watch.close();
    }
  }

  /** Reads the last run that answered, and the run in progress. Cancels a run that got no answer in time. */
  async function readCheck() {
    const row = await database.sql
      .selectFrom('longhaul.agent_checks')
      .select([
        'run_id',
        'earlier_run_id',
        sql<number>`(extract(epoch from now() - begun_at) * 1000)::float8`.as('age'),
      ])
      .executeTakeFirst();
    const ageMs = row?.age ?? 0;
    const find = (runId: string | null | undefined) =>
      runId ? findRun(database, { runId, viewer: SEES_ALL }) : Promise.resolve(null);
    const [run, earlier] = await Promise.all([find(row?.run_id), find(row?.earlier_run_id)]);
    if (run !== null && !isFinal(run.status)) {
      if (ageMs > PATIENCE_MS) {
        await cancelRun({ database, queue: deps.queue, rules: config, log: deps.log }, run.id);
        return { last: run, current: null, isBeingPut: false, ageMs };
      }
      return { last: earlier, current: run, isBeingPut: false, ageMs };
    }
    const isBeingPut = row?.run_id === null && ageMs < PUT_MS;
    return { last: run ?? earlier, current: null, isBeingPut, ageMs };
  }

  /** Returns the maximum age of an answer. */
  function toAgeMs(run: Run): number {
    const everyMs = config.health.everySeconds * 1_000;
    return run.status === 'succeeded' ? everyMs : Math.min(RECHECK_MS, everyMs);
  }

  /** Claims the single row, so that only one server asks. The claim lasts as long as a question may take. */
  async function takeTurn(): Promise<boolean> {
    const { rows } = await sql`
      insert into longhaul.agent_checks as held (begun_at) values (now())
      on conflict (is_one) do update
        set begun_at = now(), earlier_run_id = coalesce(held.run_id, held.earlier_run_id), run_id = null
      where held.run_id is not null and held.run_id is not distinct from ${known.last?.id ?? null}
         or held.begun_at < now() - ${sql.lit(PATIENCE_MS)} * interval '1 millisecond'
      returning 1`.execute(database.sql);
    return rows.length > 0;
  }

  /** Submits the question. Returns the reason, in words, if it was rejected. */
  async function ask(): Promise<string | null> {
    const agent = config.agents.get(HEALTH_AGENT)!;
    try {
      const acceptRuns = createAcceptRuns({ database, queue: deps.queue, rules: config, log: deps.log });
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
      await database.sql.updateTable('longhaul.agent_checks').set({ run_id: runs[0]!.id }).execute();
      return null;
    } catch (error) {
      if (error instanceof LonghaulError && error.code === 'global_budget') return 'The global budget is used up.';
      throw error;
    }
  }

  async function tell(check: {
    last: Run | null;
    current: Run | null;
    isBeingPut: boolean;
    refusal?: string;
  }): Promise<AgentHealth> {
    const { last, current, refusal } = check;
    const latencyMs = last?.status === 'succeeded' ? last.finishedAt!.getTime() - last.createdAt.getTime() : null;
    const told = {
      agent: config.health.agent,
      code: last?.error?.code ?? null,
      latencyMs,
      costUsd: last?.costUsd ?? null,
      checkedAt: last?.finishedAt?.toISOString() ?? null,
      isBeingChecked: current !== null || check.isBeingPut,
      runId: last?.id ?? current?.id ?? null,
    };
    if (refusal !== undefined) return { ...told, status: 'degraded', detail: refusal };
    if (latencyMs !== null) {
      const inWords = `The agent answered in ${(latencyMs / 1_000).toFixed(1)} s.`;
      return { ...told, status: latencyMs > LATE_MS ? 'degraded' : 'healthy', detail: inWords };
    }
    if (last?.status === 'failed') return { ...told, status: 'unhealthy', detail: last.error!.message };
    if (!(await isAnyWorkerThere())) return { ...told, status: 'unhealthy', detail: 'No worker is running.' };
    if (last !== null || current?.status === 'waiting') {
      return {
        ...told,
        status: 'degraded',
        detail: `No answer came within ${PATIENCE_MS / 1_000} s: all slots are in use, or the provider limits requests.`,
      };
    }
    return {
      ...told,
      status: 'degraded',
      detail: 'The check is in progress. Try again in a moment, or wait with ?wait=.',
    };
  }

  async function isAnyWorkerThere(): Promise<boolean> {
    const { rows } = await sql`
      select from longhaul.workers where heartbeat_at > now() - interval '30 seconds' limit 1`.execute(database.sql);
    return rows.length > 0;
  }
}
