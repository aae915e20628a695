import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { NewEvent } from '../../core/events.ts';
import type { Claim } from '../claim/claim.ts';
import { recordEvents } from '../log/append-events.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';
import { askPerson } from './approval.fixture.ts';
import { readCustomToolUses } from './custom-tool-uses.ts';
import { decideApproval, expireApprovals } from './decide-approval.ts';
import { consumeApproval, findApproval, listUnconsumed } from './request-approval.ts';

const result = { content: [{ type: 'text', text: 'Rain' }], isError: false } as const;
const asked = { kind: 'custom', tool: 'mcp__custom__weather', input: { city: 'Oslo' } } as const;

describe.each(DATABASE_KINDS)('the use of a tool that the client runs, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  const answer = (id: string) =>
    decideApproval(bench, {
      id,
      viewer: SEES_ALL,
      actor: 'key',
      decision: { status: 'allowed', updatedInput: null, reason: null, result },
    });

  const record = async ({ lease, lastSeq, run }: Claim, events: readonly NewEvent[]) => {
    const after = lastSeq + (await bench.events(run.id)).filter(({ seq }) => seq > lastSeq).length;
    await recordEvents(bench.database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq: after });
  };

  it('keeps its input and its result, which nobody else may decide', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const { id } = await askPerson(bench.database, { claimed, ...asked });
    expect(await readCustomToolUses(bench.database, [id])).toEqual(
      new Map([[id, { input: asked.input, result: null }]]),
    );
    const plain = { status: 'allowed', updatedInput: null, reason: null } as const;
    await expect(decideApproval(bench, { id, viewer: SEES_ALL, actor: 'ann', decision: plain })).rejects.toThrow(
      'custom',
    );
    expect(await answer(id)).toMatchObject({ outcome: 'decided', approval: { status: 'allowed', updatedInput: null } });
    expect((await readCustomToolUses(bench.database, [id])).get(id)?.result).toEqual(result);
    expect(await answer(id)).toMatchObject({ outcome: 'conflict' });
    const tool = await askPerson(bench.database, { claimed, toolUseId: 'toolu_tool' });
    await expect(answer(tool.id)).rejects.toThrow('tool');
    expect((await readCustomToolUses(bench.database, [tool.id])).size).toBe(0);
    await bench.settle(claimed);
  });

  it('gets no result after its time', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const { id } = await askPerson(bench.database, { claimed, ...asked });
    await bench.database.sql
      .updateTable('longhaul.approvals')
      .set({ expires_at: new Date(0) })
      .where('id', '=', id)
      .execute();
    expect(await answer(id)).toMatchObject({ outcome: 'conflict', approval: { status: 'expired' } });
    expect(await expireApprovals(bench)).toBe(0);
    expect((await readCustomToolUses(bench.database, [id])).get(id)?.result).toBeNull();
    await bench.settle(claimed);
  });

  it('gives its result again only when the attempt that took it up was cut off', async () => {
    const run = await bench.submit();
    const first = await bench.claim();
    const { id } = await askPerson(bench.database, { claimed: first, toolUseId: 'toolu_a', ...asked });
    await answer(id);
    const consume = (claimed: Claim, toolUseId: string) =>
      consumeApproval(bench.database, { id, lease: claimed.lease, attempt: claimed.run.attempt, toolUseId });
    const find = ({ run: { attempt } }: Claim, toolUseId: string) =>
      findApproval(bench.database, { runId: run.id, attempt, toolUseId, tool: asked.tool, inputHash: 'toolu_a' });
    const list = ({ run: { attempt } }: Claim) => listUnconsumed(bench.database, { runId: run.id, attempt });
    expect(await consume(first, 'toolu_a')).toBe(true);
    // The same use beside it, in the same attempt.
    expect(await consume(first, 'toolu_b')).toBe(false);
    expect(await list(first)).toEqual([]);
    await record(first, [
      { type: 'agent.tool_use', data: { toolUseId: 'toolu_a', name: asked.tool, input: asked.input } },
    ]);

    await bench.expireLease(run.id);
    await bench.sweep();
    await bench.endWait();
    const second = await bench.claim();
    expect(await find(second, 'toolu_c')).toMatchObject({ id, takenUpBy: 'toolu_a' });
    expect(await list(second)).toMatchObject([{ id }]);
    expect(await consume(second, 'toolu_c')).toBe(true);
    await record(second, [
      { type: 'agent.tool_result', data: { toolUseId: 'toolu_c', isError: false, content: 'Rain' } },
    ]);

    await bench.settle(second, { outcome: { status: 'handed_back' } });
    const third = await bench.claim();
    expect(await find(third, 'toolu_d')).toBeNull();
    expect(await list(third)).toEqual([]);
    expect(await consume(third, 'toolu_d')).toBe(false);
  });
});
