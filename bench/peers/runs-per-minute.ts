import { setTimeout as sleep } from 'node:timers/promises';
import { repeat } from '../measure-rate.ts';
import { median, percentile } from '../statistics.ts';
import { CONTENDERS, type Contender, type Stack } from './peer.ts';
import { readCpuSeconds, readMemoryMib } from './process-tree.ts';
import { createRows, inOrderOf, startStack, withScope, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';

const ROUNDS = 3;
const RUNS_PER_ROUND = 24;
/** On a slow machine, rounds end early. */
const LIMIT_SECONDS = 180;
/** Twice the number of slots, so that no slot waits for a client. */
const UNFINISHED_RUNS = 8;
const MEMORY_EVERY_MS = 1_000;

/** A contender's programs, and the processes to watch. */
interface Running {
  readonly contender: Contender;
  readonly stack: Stack;
  readonly pids: readonly number[];
}

interface Block {
  readonly runsPerMinute: number;
  readonly cpuSecondsPerRun: number;
  readonly backendCpuSecondsPerRun: number;
  readonly memoryMib: number;
}

/**
 * Measures runs a minute with 4 slots, and the processor time and memory of the server, the worker and its agents, in
 * alternating blocks. No contender starts processes ahead: a block would use processes of another block.
 */
export async function measureRunsPerMinute(setup: Setup): Promise<Rows> {
  return withScope(setup.bench, async (scope) => {
    const contenders: Running[] = [];
    for (const contender of CONTENDERS) {
      const stack = await startStack(setup, { contender, scope, isWarm: false });
      const worker = await stack.startWorker('rate');
      const running = { contender, stack, pids: [...new Set([stack.serverPid(), worker.pid])] };
      await repeat({ times: UNFINISHED_RUNS, concurrency: UNFINISHED_RUNS, work: () => execute(stack) });
      contenders.push(running);
    }
    const blocks = new Map<Contender, Block[]>(CONTENDERS.map((contender) => [contender, []]));
    for (const round of setup.rounds(ROUNDS, { limitSeconds: LIMIT_SECONDS })) {
      for (const running of inOrderOf(round, contenders))
        blocks.get(running.contender)?.push(await measureBlock(running));
    }
    const found = createRows();
    for (const [contender, ofContender] of blocks) {
      const middle = (figure: keyof Block) => median(ofContender.map((block) => block[figure]));
      found.add(contender, {
        runsPerMinuteRounds: ofContender.length,
        runsPerMinute: middle('runsPerMinute'),
        cpuSecondsPerRun: middle('cpuSecondsPerRun'),
        backendCpuSecondsPerRun: middle('backendCpuSecondsPerRun'),
        memoryMib: middle('memoryMib'),
      });
    }
    return found.rows;
  });
}

async function measureBlock({ stack, pids }: Running): Promise<Block> {
  const backend = stack.backendPid === null ? [] : [stack.backendPid];
  const [cpuBefore, backendBefore] = [await readCpuSeconds(pids), await readCpuSeconds(backend)];
  const sizes: number[] = [];
  const ending = new AbortController();
  const watching = watchMemory(pids, { sizes, signal: ending.signal });
  const durationMs = await repeat({
    times: RUNS_PER_ROUND,
    concurrency: UNFINISHED_RUNS,
    work: () => execute(stack),
  });
  ending.abort();
  await watching;
  return {
    runsPerMinute: (RUNS_PER_ROUND * 60_000) / durationMs,
    cpuSecondsPerRun: ((await readCpuSeconds(pids)) - cpuBefore) / RUNS_PER_ROUND,
    backendCpuSecondsPerRun: ((await readCpuSeconds(backend)) - backendBefore) / RUNS_PER_ROUND,
    memoryMib: percentile(sizes, 100),
  };
}

async function watchMemory(
  pids: readonly number[],
  { sizes, signal }: { sizes: number[]; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    sizes.push(await readMemoryMib(pids));
    await sleep(MEMORY_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

async function execute(stack: Stack): Promise<void> {
  const run = await stack.submit(toPrompt({ kind: 'say', name: 'hello' }));
  const followed = await run?.follow();
  if (followed?.isSuccess !== true) throw new Error('A run did not succeed.');
}
