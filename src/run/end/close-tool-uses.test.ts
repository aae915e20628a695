import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { NewEvent } from '../../core/events.ts';
import { recordEvents } from '../log/append-events.ts';
import type { Claim } from '../claim/claim.ts';
import { findUnfinishedTools } from '../log/find-unfinished-tools.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';

describe.each(DATABASE_KINDS)('a tool use without a result on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  const use = (toolUseId: string, parentToolUseId?: string): NewEvent => ({
    type: 'agent.tool_use',
    data: { toolUseId, name: 'Bash', input: {}, ...(parentToolUseId !== undefined && { parentToolUseId }) },
  });
  const result = (toolUseId: string): NewEvent => ({
    type: 'agent.tool_result',
    data: { toolUseId, isError: false, content: 'done' },
  });

  async function begin(...events: NewEvent[]): Promise<Claim> {
    await bench.submit();
    const claimed = await bench.claim();
    const { run, lease, lastSeq } = claimed;
    await recordEvents(bench.database, { runId: run.id, attempt: run.attempt, events, lease, lastSeq });
    return claimed;
  }
  const resultsOf = async ({ run }: Claim) =>
    (await bench.events(run.id)).flatMap(({ type, data }) => (type === 'agent.tool_result' ? [data] : []));
  const toolUses = { Bash: 2 };

  it('gets one when its run ends, before the last event of the run', async () => {
    const claimed = await begin(use('tool-1'), result('tool-1'), use('tool-2', 'tool-0'));
    await bench.settle(claimed, { outcome: { status: 'cancelled' }, toolUses });
    expect(await resultsOf(claimed)).toEqual([
      { toolUseId: 'tool-1', isError: false, content: 'done' },
      {
        toolUseId: 'tool-2',
        isError: true,
        content: expect.stringContaining('may have taken effect') as string,
        isUnfinished: true,
        parentToolUseId: 'tool-0',
      },
    ]);
    expect((await bench.events(claimed.run.id)).at(-2)?.type).toBe('agent.tool_result');
  });

  it('gets one when its worker is lost, and the next attempt still learns about it', async () => {
    const claimed = await begin(use('tool-1'));
    await bench.expireLease(claimed.run.id);
    await bench.sweep();
    expect(await resultsOf(claimed)).toMatchObject([{ toolUseId: 'tool-1', isUnfinished: true }]);
    expect(await findUnfinishedTools(bench.database, claimed.run.id)).toMatchObject([{ toolUseId: 'tool-1' }]);
    await bench.endWait();
    const next = await bench.claim();
    await bench.settle(next, { toolUses: {} });
    expect(await resultsOf(claimed)).toHaveLength(1);
  });
});
