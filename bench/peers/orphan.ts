import { setTimeout as sleep } from 'node:timers/promises';
import { findAlive, killAll, readTree } from './process-tree.ts';
import { inTurn, type Rows, type Setup } from './setup.ts';
import { toPrompt } from './task.ts';
import { untilCalled } from './until-called.ts';

const WATCH_MS = 15_000;

/** Kills the only worker in the middle of a run whose agent goes on without end; counts the dollars spent after that. */
export async function measureOrphan(setup: Setup): Promise<Rows> {
  const { model } = setup;
  return inTurn(setup, { isWarm: false }, async (contender, stack, scope) => {
    const worker = await stack.startWorker('orphan');
    const name = `orphan-${contender}`;
    const run = await stack.submit(toPrompt({ kind: 'loop', name }));
    void run?.follow();
    await untilCalled(model, { names: [name], times: 3 });
    const tree = await readTree([worker.pid]);
    scope.onEnd(() => killAll(tree));
    process.kill(worker.pid, 'SIGKILL');
    const killedAt = performance.now();
    await sleep(WATCH_MS);
    const later = model.calls.filter(({ task, receivedAt }) => task.name === name && receivedAt > killedAt);
    return {
      orphanUsd: later.reduce((sum, { costUsd }) => sum + costUsd, 0),
      orphanProcesses: (await findAlive(tree)).length,
    };
  });
}
