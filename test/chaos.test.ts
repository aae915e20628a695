import { expect, it } from 'vitest';
import { runChaos } from './chaos/chaos.ts';

// The short form of `npm run chaos`: the same fleet, hand and judges, for a shorter time.

it('loses nothing, does nothing twice and leaves nothing behind, whatever is killed', async () => {
  const report = await runChaos({ seed: 1036, runs: 20, workers: 3, durationMs: 10_000, restMs: 40_000 });
  const broken = report?.judgments.filter(({ problems }) => problems.length > 0);
  expect(broken).toEqual([]);
  expect(report?.deeds).toBe(8);
}, 150_000);
