import { describe, expect, it } from 'vitest';
import { createRunningAttempts } from './running-attempts.ts';

/** An execution that starts and ends when the test says. */
function createExecution(runId: string) {
  const started = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const stops: string[] = [];
  const execution = {
    runId,
    started: started.promise,
    done: done.promise,
    residentBytes: () => null,
    deliver: () => {},
    stopHolding: () => {},
    stop: (reason: string) => void stops.push(reason),
  };
  return { execution, stops, start: started.resolve, end: done.resolve };
}

describe('the attempts of a worker', () => {
  it('are starting until their process sends a message, and report when there is room for others', async () => {
    const room = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let calls = 0;
    const attempts = createRunningAttempts(() => room[calls++]?.resolve());
    const { execution, start, end } = createExecution('a');
    attempts.add({ agent: 'coder', execution });
    expect(attempts.count).toBe(1);
    expect(attempts.list()).toMatchObject([{ agent: 'coder', isStarting: true }]);
    start();
    await room[0]?.promise;
    expect(attempts.list()).toMatchObject([{ agent: 'coder', isStarting: false }]);
    end();
    await room[1]?.promise;
    expect(attempts.count).toBe(0);
  });

  it('are no longer starting once they have ended without a message', async () => {
    const room = Promise.withResolvers<void>();
    const attempts = createRunningAttempts(room.resolve);
    const { execution, end } = createExecution('a');
    attempts.add({ agent: 'coder', execution });
    end();
    await room.promise;
    expect(attempts.list()).toEqual([]);
  });

  it('are stopped one by one or all together, and awaited', async () => {
    const attempts = createRunningAttempts(() => {});
    const [first, second] = [createExecution('a'), createExecution('b')];
    for (const { execution } of [first, second]) attempts.add({ agent: 'coder', execution });
    attempts.stop('a', 'cancelled');
    attempts.stop('unknown', 'cancelled');
    attempts.stopAll('handed_back');
    expect([first.stops, second.stops]).toEqual([['cancelled', 'handed_back'], ['handed_back']]);
    const ended = attempts.ended();
    first.end();
    second.end();
    await ended;
    expect(attempts.count).toBe(0);
  });
});
