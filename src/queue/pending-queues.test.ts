import { describe, expect, it } from 'vitest';
import { createPendingQueues } from './pending-queues.ts';

const hasRoom = () => 4;
const announced = { waitMs: 0, isContested: true };

describe('the queues that a worker is going to claim from', () => {
  it('are taken in the order in which they were announced, and a queue that is announced again comes last', () => {
    const pending = createPendingQueues();
    for (const queue of ['a', 'b']) pending.add({ ...announced, queue, runIds: [] });
    expect(pending.takeNext(hasRoom)?.queue).toBe('a');
    pending.add({ ...announced, queue: 'a', runIds: [] });
    expect(pending.takeNext(hasRoom)?.queue).toBe('b');
    expect(pending.takeNext(hasRoom)?.queue).toBe('a');
    expect(pending.takeNext(hasRoom)).toBe(null);
  });

  it('are passed over while there is no room for them', () => {
    const pending = createPendingQueues();
    for (const queue of ['full', 'free']) pending.add({ ...announced, queue, runIds: [] });
    expect(pending.takeNext((queue) => (queue === 'full' ? 0 : 2))).toMatchObject({ queue: 'free', limit: 2 });
    expect(pending.takeNext(hasRoom)?.queue).toBe('full');
  });

  it('are forgotten when other workers have claimed every announced run', async () => {
    const pending = createPendingQueues();
    const { tried } = pending.add({ ...announced, queue: 'a', runIds: ['1', '2'] });
    pending.withdraw('a', ['1', '3']);
    expect(pending.takeNext(() => 0)).toBe(null);
    pending.withdraw('a', ['2']);
    await tried;
    expect(pending.takeNext(hasRoom)).toBe(null);
  });

  it('are kept when they may have more runs than were announced', () => {
    const pending = createPendingQueues();
    pending.add({ ...announced, queue: 'a', runIds: ['1'] });
    pending.add({ ...announced, queue: 'a', runIds: [] });
    pending.withdraw('a', ['1']);
    expect(pending.takeNext(hasRoom)?.queue).toBe('a');
  });

  it('are kept, without the ids, when more runs are announced than are remembered', () => {
    const pending = createPendingQueues();
    const runIds = Array.from({ length: 1_001 }, (_, index) => String(index));
    pending.add({ ...announced, queue: 'a', runIds });
    pending.withdraw('a', runIds);
    expect(pending.takeNext(hasRoom)).toMatchObject({ queue: 'a', runIds: [] });
  });

  it('wait while another worker is about to claim all their runs, and no longer than that', () => {
    const pending = createPendingQueues();
    pending.add({ ...announced, queue: 'a', runIds: ['1', '2'] });
    pending.postpone('a', ['1'], 60_000);
    expect(pending.ripensInMs()).toBe(null);
    pending.postpone('a', ['1', '2'], 60_000);
    expect(pending.takeNext(hasRoom)).toBe(null);
    expect(pending.ripensInMs()).toBeGreaterThan(50_000);
    // A run that no worker bid for is announced.
    pending.add({ ...announced, queue: 'a', runIds: ['3'] });
    expect(pending.takeNext(hasRoom)?.runIds).toEqual(['1', '2', '3']);
  });
});
