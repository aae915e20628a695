import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBench, type Bench } from '../bench/bench.ts';
import { judgeWords } from '../bench/peers/judge-words.ts';
import { startPeersModel, WORDS_PER_TURN, WORK_TURNS } from '../bench/peers/model.ts';
import { CONTENDERS } from '../bench/peers/peer.ts';
import { createRounds, startStack, withScope, type Setup } from '../bench/peers/setup.ts';
import { toPrompt } from '../bench/peers/task.ts';
import { hasRedis } from './support/redis-server.ts';

describe('a contender of the benchmark', () => {
  let bench: Bench;
  let setup: Setup;

  beforeAll(async () => {
    bench = await createBench();
    const workspace = await bench.makeDirectory('workspace');
    const toolFile = path.join(workspace, 'notes.txt');
    await writeFile(toolFile, 'Nothing of note.\n');
    const model = await startPeersModel({ toolFile, wordDelayMs: 2 });
    bench.onEnd(() => model.close());
    setup = { bench, model, workspace, rounds: createRounds(1) };
  });
  afterAll(() => bench.close());

  const present = CONTENDERS.filter((contender) => contender !== 'bullmq' || hasRedis);

  it.each(present)('%s executes a run of many turns, whose reader gets each word once', async (contender) => {
    await withScope(bench, async (scope) => {
      const stack = await startStack(setup, { contender, scope, isWarm: true });
      await stack.startWorker('test');
      const name = `test-${contender}`;
      const run = await stack.submit(toPrompt({ kind: 'work', name }));
      const followed = await run?.follow();
      expect(followed?.isSuccess).toBe(true);
      expect(judgeWords(followed?.text ?? '', WORK_TURNS * WORDS_PER_TURN)).toEqual({ lost: 0, doubled: 0 });
      const calls = setup.model.calls.filter(({ task }) => task.name === name);
      expect(calls.map(({ key, turn }) => `${key} ${turn}`)).toEqual(
        Array.from({ length: WORK_TURNS }, (_, turn) => `test ${turn}`),
      );
    });
  });
});
