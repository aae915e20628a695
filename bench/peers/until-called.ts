import { setTimeout as sleep } from 'node:timers/promises';
import type { PeersModel } from './model.ts';

const TIMEOUT_MS = 120_000;

/** Resolves when each of the runs has asked the model so many `times`. Throws after two minutes. */
export async function untilCalled(
  model: PeersModel,
  { names, times }: { names: readonly string[]; times: number },
): Promise<void> {
  const endAt = performance.now() + TIMEOUT_MS;
  const isDone = (name: string) => model.calls.filter(({ task }) => task.name === name).length >= times;
  while (!names.every(isDone)) {
    if (performance.now() > endAt) throw new Error(`The runs ${names.join(', ')} did not ask the model in time.`);
    await sleep(20);
  }
}
