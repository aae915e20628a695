import { afterEach, describe, expect, it } from 'vitest';
import { listProcesses } from '../src/agent/process-tree/process-table.ts';
import { say, turn } from '../src/testing/index.ts';
import { createMachines, untilEnded, untilEvent, type Machine, type Machines } from './support/machines.ts';

// A supervisor that sends its signal to every process of the unit, as systemd does by default: Claude Code gets it too,
// and the reaper, and may get it before the worker.

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe.runIf(process.platform === 'linux')('a signal to every process of a worker', () => {
  let machines: Machines;
  afterEach(() => machines[Symbol.asyncDispose]());

  /** Returns every process below the worker's, and the worker's last. */
  const signalAll = async ({ pid }: Machine) => {
    const all = await listProcesses();
    const below = (parent: number): number[] =>
      all.filter(({ parentPid }) => parentPid === parent).flatMap((child) => [child.pid, ...below(child.pid)]);
    const pids = [...below(pid), pid];
    expect(pids.length).toBeGreaterThan(3);
    for (const one of pids) process.kill(one, 'SIGTERM');
  };

  it('hands its run back: no attempt is spent, its cost is in the ledger, and another worker finishes it', async () => {
    let isSlow = true;
    machines = await createMachines(() =>
      turn(isSlow ? say('word '.repeat(200), { chunks: 200, chunkDelayMs: 100 }) : say('Done.'), { usage }),
    );
    const { client } = machines;
    const first = await machines.start('first');
    const run = await client.submit({ agent: 'teller', prompt: 'slow' });
    await untilEvent(client, run.id, 'agent.text.delta');
    await signalAll(first);
    const { exitCode, stderr } = await first.ended;
    expect(exitCode).toBe(0);
    expect(stderr).toContain('Claude Code was asked to end together with its worker');
    const handedBack = await client.run(run.id);
    expect(handedBack).toMatchObject({ status: 'queued', attempts: [{ outcome: 'handed_back', errorCode: null }] });
    expect(handedBack.costUsd).toBeGreaterThan(0);

    isSlow = false;
    await machines.start('second');
    const ended = await untilEnded(client, run.id);
    // Three attempts, as at its submission, and the attempt that was handed back.
    expect(ended).toMatchObject({ status: 'succeeded', attempt: 2, maxAttempts: 4 });
    expect(ended.costUsd).toBeGreaterThan(handedBack.costUsd);
  });
});
