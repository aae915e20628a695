import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../core/events.ts';
import { createEventRecorder, type RecorderLoss } from './event-recorder.ts';

const delta = (text: string, blockId = 'b'): NewEvent => ({ type: 'agent.text.delta', data: { text, blockId } });
const unexpected = ({ kind }: RecorderLoss) => expect.unreachable(kind);

describe('the event recorder', () => {
  it('writes the first event at once and the following events in few batches, in order, each once', async () => {
    const batches: (readonly NewEvent[])[] = [];
    const recorder = createEventRecorder({
      write: async (events) => {
        batches.push(events);
        await new Promise((resolve) => setImmediate(resolve));
        return true;
      },
      onLost: unexpected,
    });
    for (let index = 0; index < 2_000; index++) {
      recorder.add(delta(`${index} `));
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await recorder.flush()).toBe(true);
    const text = batches
      .flat()
      .map((event) => (event.type === 'agent.text.delta' ? event.data.text : ''))
      .join('');
    expect(text).toBe(Array.from({ length: 2_000 }, (_, index) => `${index} `).join(''));
    expect(batches[0]).toEqual([delta('0 ')]);
    expect(batches.length).toBeLessThan(20);
  });

  it('does not delay the first text because of events just before it', async () => {
    const written: NewEvent[] = [];
    const recorder = createEventRecorder({
      write: async (events) => {
        written.push(...events);
        return true;
      },
      onLost: unexpected,
    });
    const thinking: NewEvent = { type: 'agent.thinking', data: { text: 'hm' } };
    recorder.add(thinking);
    recorder.add(delta('first'));
    await new Promise((resolve) => setImmediate(resolve)); // No timer is needed for it.
    expect(written).toEqual([thinking, delta('first')]);
    await recorder.flush();
  });

  it('flushes what was added before, however much is added meanwhile', async () => {
    const written: NewEvent[] = [];
    const recorder = createEventRecorder({
      write: async (events) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        written.push(...events);
        return true;
      },
      onLost: unexpected,
    });
    recorder.add(delta('first'));
    recorder.add(delta('before'));
    const stream = setInterval(() => recorder.add(delta('later')), 1);
    try {
      expect(await recorder.flush()).toBe(true);
      expect(JSON.stringify(written)).toContain('before');
    } finally {
      clearInterval(stream);
    }
    await recorder.flush();
  });

  it('joins neighbouring deltas of one block and nothing else', async () => {
    const written: NewEvent[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const recorder = createEventRecorder({
      write: async (events) => {
        await gate;
        written.push(...events);
        return true;
      },
      onLost: unexpected,
    });
    const tool: NewEvent = { type: 'agent.tool_use', data: { toolUseId: 't', name: 'Read', input: {} } };
    for (const event of [delta('first'), delta('a'), delta('b'), tool, delta('c'), delta('d', 'other')])
      recorder.add(event);
    release();
    await recorder.flush();
    expect(written).toEqual([delta('first'), delta('ab'), tool, delta('c'), delta('d', 'other')]);
  });

  it('retries a batch that the database did not write, before later batches', async () => {
    const written: NewEvent[] = [];
    let failures = 2;
    const recorder = createEventRecorder({
      write: (events) => {
        if (failures-- > 0) return Promise.reject(new Error('connection refused'));
        written.push(...events);
        return Promise.resolve(true);
      },
      onLost: unexpected,
    });
    recorder.add(delta('a'));
    recorder.add(delta('b'));
    expect(await recorder.flush()).toBe(true);
    expect(written).toEqual([delta('a'), delta('b')]);
  });

  it('reports a lost lease once, and records nothing more', async () => {
    const lost: string[] = [];
    const recorder = createEventRecorder({
      write: () => Promise.resolve(false),
      onLost: ({ kind }) => lost.push(kind),
    });
    recorder.add(delta('a'));
    expect(await recorder.flush()).toBe(false);
    recorder.add(delta('b'));
    expect(await recorder.flush()).toBe(false);
    expect(lost).toEqual(['lease_lost']);
  });

  it.each([
    ["stays away, which is not the run's fault", () => Promise.reject(new Error('away')), 'away'],
    ['takes them too slowly', () => new Promise<never>(() => {}), 'overflow'],
  ] as const)("gives up, to protect the worker's memory, when the database %s", async (_, write, kind) => {
    const lost: string[] = [];
    const recorder = createEventRecorder({ write, onLost: (loss) => lost.push(loss.kind) });
    recorder.add(delta('first'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const megabyte = 'x'.repeat(1_000_000);
    for (let index = 0; index < 20; index++) recorder.add(delta(megabyte));
    expect(lost).toEqual([kind]);
  });

  it('ends the attempt as a permanent failure when the database rejects its events', async () => {
    const lost: unknown[] = [];
    const refusal = Object.assign(new Error('invalid input syntax for type json'), { code: '22P02' });
    const recorder = createEventRecorder({
      write: () => Promise.reject(refusal),
      onLost: (loss) => lost.push(loss),
    });
    recorder.add(delta('a'));
    expect(await recorder.flush()).toBe(false);
    expect(lost).toEqual([{ kind: 'refused', detail: refusal.message }]);
  });

  it('writes a long text in several statements, in order', async () => {
    const sizes: number[] = [];
    const written: NewEvent[] = [];
    const recorder = createEventRecorder({
      write: async (events) => {
        sizes.push(JSON.stringify(events).length);
        written.push(...events);
        return true;
      },
      onLost: unexpected,
    });
    const added = Array.from({ length: 200 }, (_, index) => delta(`${index}`.padEnd(16_000), `${index}`));
    for (const event of added) recorder.add(event);
    expect(await recorder.flush()).toBe(true);
    expect(written).toEqual(added);
    expect(Math.max(...sizes)).toBeLessThan(300_000);
  });
});
