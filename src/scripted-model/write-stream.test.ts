import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate as nextRound } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { StreamStep } from './message.ts';
import { writeSteps } from './write-stream.ts';

function endlessSteps(): { steps: Iterable<StreamStep>; taken: () => number } {
  let count = 0;
  function* generate(): Generator<StreamStep> {
    for (;;) {
      count++;
      yield { delayMs: 0, event: { type: 'ping', padding: 'x'.repeat(1000) } };
    }
  }
  return { steps: generate(), taken: () => count };
}

test('a reader that pauses stops the writer until it resumes', async () => {
  const target = new PassThrough();
  const gone = new AbortController();
  const { steps, taken } = endlessSteps();
  const writing = writeSteps(steps, { target, signal: gone.signal });
  await nextRound();
  const takenBefore = taken();
  await nextRound();
  expect(taken()).toBe(takenBefore);

  expect(target.read()).not.toBeNull();
  await nextRound();
  expect(taken()).toBeGreaterThan(takenBefore);

  gone.abort();
  await expect(writing).rejects.toThrow('aborted');
});

test('a writer that waits for its next piece ends at once when the reader is gone', async () => {
  const target = new PassThrough();
  const gone = new AbortController();
  const steps: StreamStep[] = [{ delayMs: 3_600_000, event: { type: 'ping' } }];
  const writing = writeSteps(steps, { target, signal: gone.signal });
  gone.abort();
  await expect(writing).rejects.toThrow('aborted');
  expect(target.readableLength).toBe(0);
});

test('events before a pause are sent before it', async () => {
  const target = new PassThrough({ encoding: 'utf8' });
  const gone = new AbortController();
  const steps: StreamStep[] = [
    { delayMs: 0, event: { type: 'ping' } },
    { delayMs: 3_600_000, event: { type: 'ping' } },
  ];
  const writing = writeSteps(steps, { target, signal: gone.signal });
  const [sent] = (await once(target, 'data')) as [string];
  expect(sent).toBe('event: ping\ndata: {"type":"ping"}\n\n');
  gone.abort();
  await expect(writing).rejects.toThrow('aborted');
});
