import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { judgeWords, readWords } from './judge-words.ts';
import { TALK_WORDS } from './model.ts';
import type { HeardEvent, Stack } from './peer.ts';
import { inTurn, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';
import { untilCalled } from './until-called.ts';

const RUNS = 4;
const READERS = 1_000;
/** Readers that connect first, so that the fixed cost of reading is not counted for the rest. */
const FIRST_READERS = 40;
/** Readers that connect at once. */
const CONNECTING = 20;
/** As in a small container: with free memory, a heap grows as its collector likes, regardless of readers. */
const HEAP = '--max-old-space-size=128 --max-semi-space-size=8';
const MEMORY_EVERY_MS = 500;
/** Time that the last words may take after all runs have ended. */
const LAST_WORDS_MS = 2_000;

/**
 * Measures a thousand readers of four runs of the real executable, over SSE from one server: the time of a word from the
 * model to each reader, words lost or doubled, and the memory of the server for each reader.
 */
export async function measureReaders(setup: Setup): Promise<Rows> {
  const options = { isWarm: false, serverVariables: { NODE_OPTIONS: HEAP } };
  return inTurn(setup, options, async (contender, stack) => {
    const { openReader } = stack;
    // A run of a request handler has one reader: the client that has requested it.
    if (openReader === null) return { readersP50Ms: NaN, readersP99Ms: NaN, readersWordsWrong: NaN, readersKib: NaN };
    await stack.startWorker('readers');
    return measure(setup, { stack, openReader, prefix: `talk-${contender}` });
  });
}

interface Measured {
  readonly stack: Stack;
  readonly openReader: NonNullable<Stack['openReader']>;
  readonly prefix: string;
}

async function measure({ model }: Setup, { stack, openReader, prefix }: Measured): Promise<Record<string, number>> {
  const names = Array.from({ length: RUNS }, (_, index) => `${prefix}-${index}`);
  // Silent until all readers are there.
  model.hold(prefix, 0);
  const runs = await Promise.all(names.map(async (name) => stack.submit(toPrompt({ kind: 'talk', name }))));
  await untilCalled(model, { names, times: 1 });
  const texts = Array.from({ length: READERS }, () => '');
  const delays: number[] = [];
  let ended = 0;

  const hear = (reader: number) => (event: HeardEvent) => {
    if (event.type === 'ended') return void (ended += 1);
    texts[reader] += event.text;
    const sentAt = model.sentAt(names[reader % RUNS]!);
    for (const word of readWords(event.text)) delays.push(performance.now() - (sentAt[word] ?? NaN));
  };
  const open = async (from: number, to: number) => {
    for (let next = from; next < to; next += CONNECTING) {
      const readers = Array.from({ length: Math.min(CONNECTING, to - next) }, (_, index) => next + index);
      await Promise.all(readers.map((reader) => openReader(runs[reader % RUNS]?.id ?? '', hear(reader))));
    }
  };

  await open(0, FIRST_READERS);
  const before = await readResidentKib(stack.serverPid());
  await open(FIRST_READERS, READERS);
  model.release(prefix);
  let most = before;
  const endAt = performance.now() + 60_000;
  while (ended < READERS && performance.now() < endAt) {
    most = Math.max(most, await readResidentKib(stack.serverPid()));
    await sleep(MEMORY_EVERY_MS);
  }
  await sleep(LAST_WORDS_MS);
  const judged = texts.map((text) => judgeWords(text, TALK_WORDS));
  return {
    readersP50Ms: percentile(delays, 50),
    readersP99Ms: percentile(delays, 99),
    readersWordsWrong: judged.reduce((sum, { lost, doubled }) => sum + lost + doubled, 0),
    readersKib: (most - before) / (READERS - FIRST_READERS),
  };
}

async function readResidentKib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}
