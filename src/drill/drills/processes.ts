import { readlink, realpath } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { findExecutable } from '../../agent/process/executable.ts';
import { RESTART_EXIT_CODE } from '../../core/exit-codes.ts';
import { readStartTime } from '../../core/process-identity.ts';
import type { Check } from '../../doctor/check.ts';
import { restarts } from '../../doctor/checks/restarts.ts';
import { supervisor } from '../../doctor/checks/supervision.ts';
import { examine } from '../../doctor/examine.ts';
import type { DrillAgent } from '../drill-config.ts';
import type { DrillFleet } from '../drill-fleet.ts';
import { QUICK, SLOW, SLOW_ANSWER } from '../drill-script.ts';
import { failed, passed, skipped, startClock, type Drill } from '../drill.ts';

/** Longest time that a process of a dead worker may live (docs/operations.md, When a process is killed). */
const AFTERLIFE_MS = 2_000;

export const takeover: Drill = {
  id: 'worker-killed',
  title: 'A killed worker is taken over',
  async perform(fleet, signal) {
    const agent = 'longhaul-drill-takeover';
    // On PostgreSQL a second worker is there already; an embedded database has one process, which is started again.
    const workers = await Promise.all([
      fleet.startWorker(agent),
      ...(fleet.kind === 'postgres' ? [fleet.startWorker(agent)] : []),
    ]);
    const runId = await startSlowRun(fleet, { agent, signal });
    const found = await Promise.all(workers.map((one) => one.findAttemptPids()));
    const index = found.findIndex((pids) => pids.length > 0);
    const [worker, pids] = [workers[index], found[index]];
    if (worker === undefined || pids === undefined) return failed('no worker has a process of the run');
    const clock = startClock();
    worker.kill('SIGKILL');
    const afterlife = await untilGone(pids);
    await worker.ended;
    if (afterlife === null) return failed(`${pids.length} processes of the killed worker were alive after 2 s`);
    if (fleet.kind === 'embedded') await fleet.startWorker(agent);
    await untilStarted(fleet, { runId, attempt: 2, signal });
    const takenOver = clock();
    const run = await fleet.client.wait(runId, { signal });
    if (run.status !== 'succeeded') return failed(`the run was taken over after ${takenOver} and ${run.status}`);
    return passed(
      `kill -9 during a run: its ${pids.length} processes ended within ${afterlife} ms, ${fleet.kind === 'postgres' ? 'another worker' : 'the restarted process'} continued after ${takenOver}, and the run succeeded`,
    );
  },
};

export const executableKilled: Drill = {
  id: 'executable-killed',
  title: 'A killed executable gets a second attempt',
  async perform(fleet, signal) {
    if (process.platform !== 'linux') return skipped('The executable of a run can be found only on Linux.');
    const agent = 'longhaul-drill-executable';
    const worker = await fleet.startWorker(agent);
    const runId = await startSlowRun(fleet, { agent, signal });
    const found = await findExecutable(fleet.config.claudePath);
    const file = 'path' in found ? await realpath(found.path) : '';
    const pids = await worker.findAttemptPids();
    const files = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
    const victims = pids.filter((_, index) => files[index] === file);
    // A wrapper script starts another file: then the whole attempt is ended.
    for (const pid of victims.length > 0 ? victims : pids) process.kill(pid, 'SIGKILL');
    const clock = startClock();
    await untilStarted(fleet, { runId, attempt: 2, signal });
    const again = clock();
    const run = await fleet.client.wait(runId, { signal });
    if (run.status !== 'succeeded') return failed(`the run ${run.status} after its second attempt`);
    return passed(
      `Claude Code was killed during a run: the second attempt began after ${again}, and the run succeeded`,
    );
  },
};

export const drain: Drill = {
  id: 'drain',
  title: 'A stopped worker finishes its run',
  async perform(fleet, signal) {
    const agent = 'longhaul-drill-drain';
    const worker = await fleet.startWorker(agent);
    const runId = await startSlowRun(fleet, { agent, signal });
    const clock = startClock();
    worker.kill('SIGTERM');
    const { code, signal: by } = await worker.ended;
    const drained = clock();
    if (fleet.kind === 'embedded') await fleet.startWorker(agent);
    const run = await fleet.client.run(runId);
    if (code !== 0) return failed(`the worker ended with ${code ?? by} after ${drained}, not with 0`);
    if (run.status !== 'succeeded' || run.result !== SLOW_ANSWER || run.attempt !== 1) {
      return failed(`the worker ended with 0, but its run is ${run.status} in attempt ${run.attempt}`);
    }
    return passed(
      `SIGTERM during a run: the run succeeded in its first attempt, and the worker ended with 0 after ${drained}`,
    );
  },
};

/** Below the growth of any process, so that a worker exceeds it whatever its memory does. */
const GROWS_ABOVE_MB = -10_000;

/** Users may have a limit of five runs a minute. */
const MOST_RUNS = 4;
const GROWTH_WAIT_MS = 15_000;

export const restart: Drill = {
  id: 'restart',
  title: 'A worker that restarts itself comes back',
  async perform(fleet, signal) {
    if (fleet.kind === 'embedded') return skipped('A process with a server does not restart itself.');
    const agent = 'longhaul-drill-restart';
    const worker = await fleet.startWorker(agent, { restartAboveMb: GROWS_ABOVE_MB });
    const clock = startClock();
    let left: number | null | undefined;
    const watching = (async () => {
      left = (await worker.ended).code;
    })();
    // The worker measures itself after its first run. Each run may be the one after which it has grown.
    for (let run = 0; run < MOST_RUNS && left === undefined && !signal.aborted; run++) {
      const { id } = await fleet.submit(agent, { prompt: QUICK });
      await Promise.race([fleet.client.wait(id, { signal }), watching]);
      await Promise.race([delay(GROWTH_WAIT_MS, undefined, { signal }).catch(() => {}), watching]);
    }
    if (left !== RESTART_EXIT_CODE)
      return failed(`a worker above its memory limit ended with ${left}, not ${RESTART_EXIT_CODE}`);
    const own = `a worker above its memory limit left with exit code ${RESTART_EXIT_CODE} after ${clock()}`;
    const judge = async (check: Check) => {
      const { checks } = await examine({
        config: fleet.config,
        env: fleet.env,
        database: { reason: 'not needed', isFailure: false },
        checks: [check],
      });
      return checks[0];
    };
    const present = await judge(supervisor);
    if (present?.verdict !== 'ok') {
      return skipped(`${own}; a supervisor that restarts it was not found (${present?.found ?? 'not read'})`);
    }
    const setting = await judge(restarts);
    if (setting?.verdict === 'failed')
      return failed(`${own}, and the supervisor does not restart it: ${setting.found}`);
    return passed(`${own}; ${present.found}: ${setting?.found ?? ''}`);
  },
};

/** Submits a run, and resolves when a part of its answer has arrived. */
export async function startSlowRun(
  { submit, client }: DrillFleet,
  { agent, user = agent, signal }: { agent: DrillAgent; user?: string; signal: AbortSignal },
): Promise<string> {
  const { id } = await submit(agent, { prompt: SLOW, user });
  for await (const { type } of client.stream(id, { signal })) if (type === 'agent.text.delta') return id;
  throw new Error(`the run ${id} did not start`);
}

/** Resolves when an attempt of the run has begun. */
async function untilStarted(
  { client }: DrillFleet,
  { runId, attempt, signal }: { runId: string; attempt: number; signal: AbortSignal },
): Promise<void> {
  let started = 0;
  for await (const { type } of client.stream(runId, { signal })) {
    if (type === 'run.started') started++;
    if (started === attempt) return;
  }
  throw new Error(`the run had ${started} attempts, and not a number ${attempt}`);
}

/** Returns after how many ms the processes were gone; null when some are alive when their time is up. */
async function untilGone(pids: readonly number[]): Promise<number | null> {
  const startedAt = performance.now();
  const startTimes = pids.map(readStartTime);
  for (;;) {
    const passedMs = performance.now() - startedAt;
    if (pids.every((pid, index) => startTimes[index] === null || readStartTime(pid) !== startTimes[index])) {
      return Math.round(passedMs);
    }
    if (passedMs > AFTERLIFE_MS) return null;
    await delay(20);
  }
}
