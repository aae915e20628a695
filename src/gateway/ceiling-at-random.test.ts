import { expect, test } from 'vitest';
import { costOf } from '../core/pricing.ts';
import { NO_USAGE } from '../core/usage.ts';
import { MODEL, useGatewayBench } from './gateway.fixture.ts';
import { sse } from './upstream.fixture.ts';

const bench = useGatewayBench();

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'in any order, calls exceed the ceiling by less than one input (%i)',
  async (seed) => {
    const random = createRandom(seed);
    const ceilingMicros = 50_000 + random(400_000);
    let spentMicros = 0;
    let largestInputMicros = 0;
    bench.upstream.answerWith(async (response, request) => {
      // Uncached text, or written to the cache for an hour: the most expensive input.
      const tokens = Math.floor(request.body.length / 4);
      const cached = random(2) === 0 ? 0 : tokens;
      const input = {
        ...NO_USAGE,
        inputTokens: tokens - cached,
        cacheCreationTokens: cached,
        cacheCreation1hTokens: cached,
      };
      const asked = (JSON.parse(request.body.toString()) as { max_tokens: number }).max_tokens;
      const outputTokens = random(3) === 0 ? asked : random(asked + 1);
      spentMicros += costOf(MODEL, { ...input, outputTokens });
      largestInputMicros = Math.max(largestInputMicros, costOf(MODEL, input));
      const usage = {
        input_tokens: input.inputTokens,
        cache_creation_input_tokens: cached,
        cache_creation: { ephemeral_1h_input_tokens: cached },
      };
      await turnsOfTheLoop(random(20));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(sse('message_start', { message: { model: MODEL, usage: { ...usage, output_tokens: 1 } } }));
      await turnsOfTheLoop(random(20));
      response.end(sse('message_delta', { usage: { output_tokens: outputTokens } }));
    });

    bench.open({ ceilingMicros });
    // Runs several loops in parallel, like subagents, each until it is rejected.
    const loop = async (): Promise<void> => {
      for (;;) {
        await turnsOfTheLoop(random(10));
        const padding = 'x'.repeat(random(20_000));
        const response = await bench.post({ max_tokens: 1 + random(20_000), stream: true, padding });
        await response.text();
        if (response.status === 402) return;
      }
    };
    await Promise.all(Array.from({ length: 1 + random(8) }, loop));
    expect(bench.pass.failure()).toMatchObject({ code: 'max_budget' });
    expect(bench.pass.meter().costMicros).toBe(spentMicros);
    expect(spentMicros).toBeLessThanOrEqual(ceilingMicros + largestInputMicros);
    // The whole ceiling can be used, except an amount that would pay for fewer than a hundred tokens.
    expect(spentMicros).toBeGreaterThan(ceilingMicros - 100 * 16.5);
  },
);

/** Creates whole numbers from 0 to `below`, the same for the same seed (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

async function turnsOfTheLoop(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
