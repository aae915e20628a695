import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { every } from './every.ts';
import { guarded, inBackground } from './guard.ts';
import { after, repeat } from './timers.ts';

const failure = new Error('a bad night');

describe('a callback that no caller waits for', () => {
  it('reports its error when it throws and when its promise rejects, and the caller continues', async () => {
    const heard: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const emitter = new EventEmitter();
    const onThrown = guarded(
      () => {
        throw failure;
      },
      (error) => heard.push(error),
    );
    const onRejected = guarded(
      async () => {
        throw failure;
      },
      (error) => {
        heard.push(error);
        resolve();
      },
    );
    emitter.on('event', onThrown);
    emitter.on('event', onRejected);
    expect(emitter.emit('event')).toBe(true);
    await promise;
    expect(heard).toEqual([failure, failure]);
  });

  it('causes a warning when no handler receives its error, also when the handler fails', async () => {
    const warned = once(process, 'warning');
    inBackground(
      () => expect.unreachable(),
      () => {
        throw failure;
      },
    );
    expect((await warned)[0]).toBe(failure);
  });

  it('reports errors of timers, and a repeated timer continues', async () => {
    const heard: unknown[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    const timer = repeat(
      1,
      () => {
        if (++calls === 3) resolve();
        throw failure;
      },
      (error) => heard.push(error),
    );
    await promise;
    clearInterval(timer);
    await new Promise<void>((done) =>
      after(
        1,
        () => {
          throw failure;
        },
        (error) => {
          heard.push(error);
          done();
        },
      ),
    );
    expect(heard).toEqual([failure, failure, failure, failure]);
  });

  it('is not called at once when its time is longer than Node can count', async () => {
    const timer = after(2 ** 31, () => expect.unreachable());
    await new Promise((done) => after(20, () => done(undefined)));
    clearTimeout(timer);
  });

  it('reports the error of a repeated task that throws before it returns a promise', async () => {
    const heard = Promise.withResolvers<unknown>();
    const stop = every({
      intervalMs: 60_000,
      task: () => {
        throw failure;
      },
      onError: heard.resolve,
    });
    expect(await heard.promise).toBe(failure);
    await stop();
  });
});
