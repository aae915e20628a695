import { afterEach, expect, it } from 'vitest';
import type { RunResource } from '../src/client/client.ts';
import { fail, say, startTestLonghaul, type TestLonghaul } from '../src/testing/index.ts';

// A limit of the provider applies to the fleet, not to a run: through the whole of Longhaul and the real executable.

let longhaul: TestLonghaul;

afterEach(() => longhaul.stop());

const agent = { tools: [], model: 'claude-sonnet-4-5', prewarm: false as const };
const typesOf = async (run: RunResource) => {
  const types: string[] = [];
  for await (const { type } of longhaul.client.stream(run.id)) if (type.startsWith('run.')) types.push(type);
  return types;
};

it('parks runs until the named time, with no slot and no attempt, while other models continue', async () => {
  let limitedCalls = 0;
  const endsAt = Date.now() + 30_000;
  longhaul = await startTestLonghaul({
    script: ({ model }) => {
      if (!model.includes('sonnet') || Date.now() >= endsAt) return say('Done.');
      limitedCalls += 1;
      return fail(429, { retryAfterSeconds: Math.ceil((endsAt - Date.now()) / 1_000) });
    },
    config: {
      agents: { limited: agent, free: { ...agent, model: 'claude-haiku-4-5' } },
      worker: { slots: 1 },
    },
  });
  const { client } = longhaul;
  const runs: RunResource[] = [];
  for (let count = 0; count < 3; count++) runs.push(await client.submit({ agent: 'limited', prompt: 'work' }));
  await expect.poll(async () => (await client.run(runs[0]!.id)).status, { timeout: 10_000 }).toBe('waiting');
  expect(await client.run(runs[0]!.id)).toMatchObject({ waitingFor: 'provider_limit', error: null });
  // The only slot is free for runs that are not limited.
  const other = await client.submit({ agent: 'free', prompt: 'work' });
  expect(await client.run(other.id, { waitSeconds: 20 })).toMatchObject({ status: 'succeeded' });
  expect(Date.now()).toBeLessThan(endsAt);

  for (const run of runs) {
    expect(await client.run(run.id, { waitSeconds: 60 })).toMatchObject({ status: 'succeeded', waitingFor: null });
  }
  expect(await typesOf(runs[0]!)).toEqual([
    'run.queued',
    'run.started',
    'run.waiting',
    'run.queued',
    'run.started',
    'run.succeeded',
  ]);
  // The first run met the limit; the others were parked before they called the model.
  expect(limitedCalls).toBe(1);
  const { attempts } = await client.run(runs[2]!.id);
  expect(attempts).toHaveLength(1);
}, 90_000);
