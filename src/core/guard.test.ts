import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { every } from './every.ts';
import { guarded, inBackground } from './guard.ts';
import { after, repeat } from './timers.ts';

const failure = new Error('a bad night');

describe('a callback that nobody waits for', () => {
  it('is heard when it throws and when its promise rejects, and the caller goes on', async () => {
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

  it('is a warning where nobody hears its error, also when who should hear it fails', async () => {
    const warned = once(process, 'warning');
    inBackground(
      () => expect.unreachable(),
      () => {
        throw failure;
      },
    );
    expect((await warned)[0]).toBe(failure);
  });

  it('is heard in timers, and a repeated one goes on', async () => {
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

  it('does not come at once where its time is longer than Node can count', async () => {
    const timer = after(2 ** 31, () => expect.unreachable());
    await new Promise((done) => after(20, () => done(undefined)));
    clearTimeout(timer);
  });

  it('is heard in a task done every so often that throws before it has a promise', async () => {
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
