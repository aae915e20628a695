import { setTimeout as sleep } from 'node:timers/promises';
import { judgeCalls } from './judge-calls.ts';
import { judgeWords, readWords } from './judge-words.ts';
import { WORDS_PER_TURN, WORK_TURNS, type ModelCall } from './model.ts';
import type { Contender, FollowedRun, Stack } from './peer.ts';
import { findAlive, killAll, readTree, untilGone } from './process-tree.ts';
import { inTurn, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';
import { untilCalled } from './until-called.ts';

const RUNS = 4;
/** The turn, counted from 0, in whose text the signal comes, and the milliseconds from its beginning. */
const SIGNAL_TURN = 4;
const SIGNAL_AFTER_MS = 500;
/** Time that a run may take from the signal to its end, on another worker. */
const LIMIT_MS = 150_000;
/** Processes are counted this long after their worker has ended. */
const COUNT_AFTER_MS = 5_000;
const WORDS = WORK_TURNS * WORDS_PER_TURN;

/** A run, and what its reader receives. */
interface Watched {
  readonly name: string;
  /** The numbers of the words, in the order of their arrival. */
  readonly words: number[];
  readonly followed: Promise<FollowedRun>;
}

/** Kills a worker with SIGKILL in the middle of four runs while another worker is idle, and watches what becomes of them. */
export async function measureKill(setup: Setup): Promise<Rows> {
  return inTurn(setup, { isWarm: false }, async (contender, stack, scope) => {
    const outcome = await interrupt(setup, { contender, stack, signal: 'SIGKILL', bench: scope });
    return {
      killRunsLost: outcome.runsLost,
      killRunsDoneTwice: outcome.runsDoneTwice,
      killTokensPaidTwice: outcome.tokensPaidTwice,
      killProcessesLeft: outcome.processesLeft,
      killSecondsUntilAnother: outcome.secondsUntilAnother,
      killWordsLost: outcome.wordsLost,
      killWordsDoubled: outcome.wordsDoubled,
      killWordsSeenAgain: outcome.wordsSeenAgain,
    };
  });
}

/** Ends a worker with SIGTERM in the middle of four runs, as a deployment does, while the next one is there. */
export async function measureDeploy(setup: Setup): Promise<Rows> {
  return inTurn(setup, { isWarm: false }, async (contender, stack, scope) => {
    const outcome = await interrupt(setup, { contender, stack, signal: 'SIGTERM', bench: scope });
    return {
      deployRunsLost: outcome.runsLost,
      deployRunsDoneTwice: outcome.runsDoneTwice,
      deployTokensPaidTwice: outcome.tokensPaidTwice,
      deployProcessesLeft: outcome.processesLeft,
      deploySeconds: outcome.secondsUntilGone,
      deployWordsLost: outcome.wordsLost,
      deployWordsDoubled: outcome.wordsDoubled,
    };
  });
}

interface Interruption {
  readonly contender: Contender;
  readonly stack: Stack;
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly bench: Setup['bench'];
}

async function interrupt({ model }: Setup, { contender, stack, signal, bench }: Interruption) {
  const worker = await stack.startWorker('first');
  const prefix = `${signal.toLowerCase()}-${contender}`;
  model.hold(prefix, SIGNAL_TURN);
  const runs: Watched[] = [];
  for (let index = 0; index < RUNS; index++) runs.push(await watch(stack, `${prefix}-${index}`));
  const names = runs.map(({ name }) => name);
  const findCalls = () => model.calls.filter(({ task }) => names.includes(task.name));
  // The first worker has all runs before the other one starts.
  await untilCalled(model, { names, times: 1 });
  if (!stack.isOneProcess) await stack.startWorker('second');
  // Every run is at the same place then, however long the other worker has taken to start.
  await untilCalled(model, { names, times: SIGNAL_TURN + 1 });
  model.release(prefix);
  await sleep(SIGNAL_AFTER_MS);

  const tree = await readTree([worker.pid]);
  bench.onEnd(() => killAll(tree));
  const signalledAt = performance.now();
  process.kill(worker.pid, signal);
  await untilGone(
    tree.filter(({ pid }) => pid === worker.pid),
    LIMIT_MS,
  );
  const secondsUntilGone = (performance.now() - signalledAt) / 1_000;
  await sleep(COUNT_AFTER_MS);
  const processesLeft = (await findAlive(tree)).length;
  const ended = await Promise.all(runs.map(({ followed }) => withLimit(followed, signalledAt + LIMIT_MS)));
  const judged = ended.map((run) => judgeWords(run?.text ?? '', WORDS));
  return {
    ...judgeCalls(findCalls(), WORK_TURNS),
    runsLost: ended.filter((run) => run?.isSuccess !== true).length,
    processesLeft,
    secondsUntilGone,
    secondsUntilAnother: findLongestWait(findCalls(), { names, signalledAt }),
    wordsLost: judged.reduce((sum, { lost }) => sum + lost, 0),
    wordsDoubled: judged.reduce((sum, { doubled }) => sum + doubled, 0),
    wordsSeenAgain: runs.reduce((sum, { words }) => sum + words.length - new Set(words).size, 0),
  };
}

async function watch(stack: Stack, name: string): Promise<Watched> {
  const words: number[] = [];
  const run = await stack.submit(toPrompt({ kind: 'work', name }));
  if (run === null) throw new Error('A submission was refused.');
  const followed = run.follow((event) => {
    if (event.type === 'text') words.push(...readWords(event.text));
  });
  return { name, words, followed };
}

/** Returns null when the run has not ended in time. */
async function withLimit(followed: Promise<FollowedRun>, endAt: number): Promise<FollowedRun | null> {
  const ending = new AbortController();
  const late = sleep(Math.max(0, endAt - performance.now()), null, { signal: ending.signal }).catch(() => null);
  const first = await Promise.race([followed, late]);
  ending.abort();
  return first;
}

/** Seconds until the other worker has gone on with the last of the runs; NaN when it has not with each. */
function findLongestWait(
  calls: readonly ModelCall[],
  { names, signalledAt }: { names: readonly string[]; signalledAt: number },
): number {
  const waits = names.map((name) => {
    const call = calls.find(({ task, key }) => task.name === name && key === 'second');
    return call === undefined ? NaN : (call.receivedAt - signalledAt) / 1_000;
  });
  return Math.max(...waits);
}
