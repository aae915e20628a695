import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../statistics.ts';
import { CONTENDERS, type Contender, type RunningProcess, type Stack } from './peer.ts';
import { createRows, inOrderOf, startStack, withScope, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';

const ROUNDS = 12;
const COLD_ROUNDS = 5;
/** On a slow machine, rounds end early. */
const LIMIT_SECONDS = 150;
const COLD_LIMIT_SECONDS = 90;
/** Pause between two runs: twice the time to replace a used spare, so that the replacement slows no run. */
const PAUSE_MS = 800;

interface Times {
  readonly acceptedMs: number;
  readonly firstTextMs: number;
}

interface Running {
  readonly contender: Contender;
  readonly stack: Stack;
  worker: RunningProcess;
}

/**
 * Measures the time from a submission to its acceptance and to its first text at a reader: at steady state, one run after
 * another, and cold, at the moment at which the worker has started. The contenders take turns.
 */
export async function measureFirstText(setup: Setup): Promise<Rows> {
  return withScope(setup.bench, async (scope) => {
    const contenders: Running[] = [];
    for (const contender of CONTENDERS) {
      const stack = await startStack(setup, { contender, scope, isWarm: true });
      contenders.push({ contender, stack, worker: await stack.startWorker('steady') });
    }
    // Not steady yet.
    for (const { stack } of contenders) await timeRun(stack);
    const steady = await takeTurns(contenders, {
      rounds: setup.rounds(ROUNDS, { limitSeconds: LIMIT_SECONDS }),
      async time({ stack }) {
        await sleep(PAUSE_MS);
        return timeRun(stack);
      },
    });
    const cold = await takeTurns(contenders, {
      rounds: setup.rounds(COLD_ROUNDS, { limitSeconds: COLD_LIMIT_SECONDS }),
      async time(running) {
        await running.worker.stop();
        running.worker = await running.stack.startWorker('cold');
        return timeRun(running.stack);
      },
    });
    const found = createRows();
    for (const { contender } of contenders) {
      const times = steady.get(contender) ?? [];
      const coldTimes = cold.get(contender) ?? [];
      found.add(contender, {
        firstTextRounds: times.length,
        coldFirstTextRounds: coldTimes.length,
        acceptedMs: median(times.map(({ acceptedMs }) => acceptedMs)),
        firstTextMs: median(times.map(({ firstTextMs }) => firstTextMs)),
        coldFirstTextMs: median(coldTimes.map(({ firstTextMs }) => firstTextMs)),
      });
    }
    return found.rows;
  });
}

interface Turns {
  readonly rounds: Iterable<number>;
  readonly time: (running: Running) => Promise<Times>;
}

/** In turns, so that other load on the machine affects all alike. */
async function takeTurns(contenders: readonly Running[], { rounds, time }: Turns): Promise<Map<Contender, Times[]>> {
  const times = new Map<Contender, Times[]>(contenders.map(({ contender }) => [contender, []]));
  for (const round of rounds) {
    for (const running of inOrderOf(round, contenders)) times.get(running.contender)?.push(await time(running));
  }
  return times;
}

async function timeRun(stack: Stack): Promise<Times> {
  const startedAt = performance.now();
  let firstTextMs = NaN;
  const run = await stack.submit(toPrompt({ kind: 'say', name: 'hello' }));
  const acceptedMs = performance.now() - startedAt;
  const followed = await run?.follow(({ type }) => {
    if (type === 'text' && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
  });
  if (followed?.isSuccess !== true) throw new Error('A run did not succeed.');
  return { acceptedMs, firstTextMs };
}
