import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { NewEvent } from '../../core/events.ts';
import { recordEvents } from './append-events.ts';
import { foldDeltas } from './fold-deltas.ts';
import { readEvents } from './read-events.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';

const delta = (text: string, blockId: string, parentToolUseId?: string): NewEvent => ({
  type: 'agent.text.delta',
  data: { text, blockId, ...(parentToolUseId !== undefined && { parentToolUseId }) },
});
const whole = (text: string, blockId: string): NewEvent => ({ type: 'agent.text', data: { text, blockId } });

describe.each(DATABASE_KINDS)('folding streamed deltas, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  /** Makes a run with these events that ended an hour ago. */
  async function ended(events: NewEvent[], minutesAgo = 61): Promise<string> {
    const { id } = await bench.submit();
    const claimed = await bench.claim();
    const { lease } = claimed;
    await recordEvents(bench.database, { runId: id, attempt: 1, events, lease, lastSeq: 2 });
    await bench.settle(claimed);
    await sql`update longhaul.runs set finished_at = now() - ${minutesAgo} * interval '1 minute' where id = ${id}`.execute(
      bench.database.sql,
    );
    return id;
  }

  const fold = () => foldDeltas(bench.database, { afterMinutes: 60 });
  const summary = async (runId: string, after = 0) =>
    (await readEvents(bench.database, { runId, after, limit: 100 })).events.map(({ seq, type, data }) => [
      seq,
      type,
      data,
    ]);

  it('leaves the text of each block, and every other event unchanged', async () => {
    const use: NewEvent = { type: 'agent.tool_use', data: { toolUseId: 't', name: 'Read', input: {} } };
    const id = await ended([
      delta('a', '1'),
      delta('b', '1'),
      whole('ab', '1'),
      use,
      delta('c', '2'),
      delta('x', '9', 't'),
      delta('d', '2'),
      delta('y', '9', 't'),
      whole('cd', '2'),
    ]);
    expect(await fold()).toBe(1);
    expect((await summary(id)).slice(2, -1)).toEqual([
      [5, 'agent.text', { text: 'ab', blockId: '1' }],
      [6, 'agent.tool_use', use.data],
      [10, 'agent.text', { text: 'xy', blockId: '9', parentToolUseId: 't', isPartial: true }],
      [11, 'agent.text', { text: 'cd', blockId: '2' }],
      [12, 'agent.tool_result', expect.objectContaining({ toolUseId: 't', isUnfinished: true })],
    ]);
    expect(await fold()).toBe(0);
  });

  it('leaves no delta of an abandoned block, and keeps the mark of a block that continues another', async () => {
    const abandoned = (blockId: string): NewEvent => ({ type: 'agent.text.abandoned', data: { blockId } });
    const rest: NewEvent = { type: 'agent.text.delta', data: { text: 'rest', blockId: '3', isContinuation: true } };
    const id = await ended([delta('a', '1'), abandoned('1'), delta('b', '2'), whole('b', '2'), abandoned('2'), rest]);
    await fold();
    expect((await summary(id)).slice(2, -1)).toEqual([
      [4, 'agent.text.abandoned', { blockId: '1' }],
      [6, 'agent.text', { text: 'b', blockId: '2' }],
      [7, 'agent.text.abandoned', { blockId: '2' }],
      [8, 'agent.text', { text: 'rest', blockId: '3', isPartial: true, isContinuation: true }],
    ]);
  });

  it('keeps older cursors valid: the text that replaces deltas comes after them, or the reader had them all', async () => {
    const id = await ended([delta('a', '1'), delta('b', '1'), delta('c', '1')]);
    await fold();
    const text = [5, 'agent.text', { text: 'abc', blockId: '1', isPartial: true }];
    for (const after of [2, 3, 4]) expect((await summary(id, after))[0]).toEqual(text);
    expect((await summary(id, 5)).map(([seq, type]) => [seq, type])).toEqual([[6, 'run.succeeded']]);
  });

  it('folds no run that ended lately or is unfinished, and every one of many once', async () => {
    const late = await ended([delta('a', '1')], 59);
    const running = await bench.submit();
    const claimed = await bench.claim();
    const { lease } = claimed;
    await recordEvents(bench.database, { runId: running.id, attempt: 1, events: [delta('a', '1')], lease, lastSeq: 2 });
    for (let index = 0; index < 45; index++) await ended([delta('a', '1'), whole('a', '1')]);
    const counts = await Promise.all([fold(), fold()]);
    expect(counts[0] + counts[1]).toBe(45);
    for (const id of [late, running.id])
      expect((await summary(id))[2]).toEqual([3, 'agent.text.delta', delta('a', '1').data]);
    await bench.settle(claimed);
  });
});
