import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResource } from '../src/client/client.ts';
import { fail, say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';

// A run's limits apply to all its attempts together, and to no other run.

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe('the limits of a run of several attempts', () => {
  let directory: string;
  let longhaul: TestLonghaul;

  beforeAll(async () => {
    directory = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-limits-')));
    longhaul = await startTestLonghaul({
      baseDir: directory,
      config: {
        limits: { perUser: { runsPerMinute: 100 } },
        agents: {
          worker: {
            model: 'claude-sonnet-4-5',
            tools: ['Bash'],
            workspace: { root: directory, mode: 'shared' },
            prewarm: false,
            reuse: true,
            limits: { maxTurns: 4 },
            retry: { delaysSeconds: [0] },
          },
        },
      },
      script({ prompt, turn: answers, body }) {
        const isContinued = JSON.stringify(body.messages).includes('was interrupted before it was finished');
        const bash = turn(useTool('Bash', { command: `echo ${answers}` }), { usage });
        if (prompt.includes('whole')) return answers < 3 ? bash : turn(say('done'), { usage });
        if (prompt.includes('fails in the last turn')) return isContinued ? say('done') : fail(500);
        if (answers < 2) return bash;
        if (!isContinued) return fail(500);
        return prompt.includes('endless') ? bash : turn(say('done'), { usage });
      },
    });
  });

  afterAll(async () => {
    await longhaul.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function done(prompt: string, limits = {}): Promise<RunResource> {
    const { id } = await longhaul.client.submit({ agent: 'worker', prompt, user: 'ann', limits });
    for (;;) {
      const run = await longhaul.client.run(id, { waitSeconds: 60 });
      if (run.finishedAt !== null) return run;
    }
  }

  it('leave the next run of a kept process its whole limits', async () => {
    expect(await done('cut')).toMatchObject({ status: 'succeeded', attempt: 2, turns: 3 });
    expect(await done('whole')).toMatchObject({ status: 'succeeded', attempt: 1, turns: 4 });
  });

  it('are used up by all its attempts together', async () => {
    const run = await done('endless');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_turns' }, attempt: 2, turns: 4 });
  });

  it('allow the last turn to the attempt after one was cut off in it', async () => {
    const run = await done('fails in the last turn', { maxTurns: 1 });
    expect(run).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('include its money: the next attempt cannot spend the amount that an earlier one has spent', async () => {
    const run = await done('endless', { maxBudgetUsd: 0.012 });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_budget' }, attempt: 2 });
    expect(run.costUsd).toBeLessThan(0.012 + 0.006);
  });
});
