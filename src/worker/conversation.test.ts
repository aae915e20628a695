import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createConversationStore } from '../agent/transcript/session-store.ts';
import type { NewEvent } from '../core/events.ts';
import { createId } from '../core/ids.ts';
import { recordEvents } from '../run/log/append-events.ts';
import type { Claim } from '../run/claim/claim.ts';
import { createReader, createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createTranscript, findConversation } from './conversation.ts';
import { createToolResults } from '../agent/transcript/tool-results.ts';

// Tests the calls of the Agent SDK to a session store, through every layer down to the database.

describe.each(DATABASE_KINDS)('a conversation on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  function open(claimed: Claim, claudeSessionId: string) {
    const sessionLease = { sessionId: claimed.run.sessionId, lease: claimed.lease };
    const transcript = createTranscript({
      database: bench.database,
      sessionLease,
      leaseLost: new AbortController().signal,
      flushLog: async () => {},
    });
    const { sdkStore, bind, flush } = createConversationStore({
      toolResults: createToolResults({ root: '/nowhere' }),
      claudeSessionId,
      resumeFrom: transcript,
    });
    bind(transcript);
    const keyOf = (projectKey: string, subpath?: string) => ({
      projectKey,
      sessionId: claudeSessionId,
      ...(subpath !== undefined && { subpath }),
    });
    return {
      sessionLease,
      async append(uuids: string[], { directory = 'a', subpath }: { directory?: string; subpath?: string } = {}) {
        const entries = uuids.map((uuid) => ({ type: 'user', uuid }));
        await sdkStore.append(keyOf(directory, subpath), entries);
        await flush();
      },
      async load({ directory = 'a', subpath }: { directory?: string; subpath?: string } = {}) {
        return (await sdkStore.load(keyOf(directory, subpath)))?.map(({ uuid }) => uuid) ?? null;
      },
      subpaths: () => sdkStore.listSubkeys!(keyOf('a')),
    };
  }

  const next = (claimed: Claim) =>
    findConversation(bench.database, {
      run: claimed.run,
      sessionLease: { sessionId: claimed.run.sessionId, lease: claimed.lease },
    });

  it('is loaded as it was written, whatever its directory was', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const store = open(claimed, createId());
    expect(await store.load()).toBeNull();
    await store.append(['1', '2']);
    await store.append([]);
    await store.append(['3'], { directory: 'b' });
    await store.append(['2', '4']);
    expect(await store.load()).toEqual(['1', '2', '3', '4']);
    expect(await store.load({ directory: 'elsewhere' })).toEqual(['1', '2', '3', '4']);
    await bench.settle(claimed);
  });

  it('keeps the part of each subagent separate', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const store = open(claimed, createId());
    await store.append(['1']);
    expect(await store.subpaths()).toEqual([]);
    await store.append(['2'], { subpath: 'subagents/b' });
    await store.append(['3'], { subpath: 'subagents/a' });
    expect(await store.subpaths()).toEqual(['subagents/a', 'subagents/b']);
    expect(await store.load({ subpath: 'subagents/a' })).toEqual(['3']);
    expect(await store.load({ subpath: 'subagents/c' })).toBeNull();
    expect(await store.load()).toEqual(['1']);
    await bench.settle(claimed);
  });

  it("is continued by the next attempt under Claude Code's id", async () => {
    const run = await bench.submit();
    const first = await bench.claim();
    expect(await next(first)).toEqual({
      claudeSessionId: run.sessionId,
      isResumed: false,
      unfinishedToolUses: [],
      saidBefore: [],
    });
    const claudeSessionId = createId();
    await open(first, claudeSessionId).append(['1']);
    await bench.settle(first, { outcome: { status: 'handed_back' } });
    const second = await bench.claim();
    expect(await next(second)).toEqual({
      claudeSessionId,
      isResumed: true,
      unfinishedToolUses: [],
      decidedToolUses: [],
      saidBefore: [],
    });
    expect(await open(second, claudeSessionId).load()).toEqual(['1']);
    await bench.settle(second);
  });

  it('comes with the tools that were running when the previous attempt ended', async () => {
    const run = await bench.submit();
    const first = await bench.claim();
    const use = (toolUseId: string): NewEvent => ({
      type: 'agent.tool_use',
      data: { toolUseId, name: 'Bash', input: { command: toolUseId } },
    });
    const result: NewEvent = { type: 'agent.tool_result', data: { toolUseId: 'done', isError: false, content: '' } };
    await recordEvents(bench.database, {
      runId: run.id,
      attempt: 1,
      events: [use('done'), result, use('open'), use('too')],
      lease: first.lease,
      lastSeq: first.lastSeq,
    });
    await bench.settle(first, { outcome: { status: 'handed_back' } });
    const second = await bench.claim();
    expect((await next(second)).unfinishedToolUses).toEqual([
      { toolUseId: 'open', name: 'Bash', input: { command: 'open' } },
      { toolUseId: 'too', name: 'Bash', input: { command: 'too' } },
    ]);
    await bench.settle(second);
  });

  it('comes with the text that earlier attempts streamed, except for abandoned text', async () => {
    const run = await bench.submit();
    const first = await bench.claim();
    const ofSubagent = { type: 'agent.text', data: { text: 'x', blockId: 's:0', parentToolUseId: 't' } } as const;
    const events: NewEvent[] = [
      { type: 'agent.text.delta', data: { text: 'On', blockId: 'a:0' } },
      { type: 'agent.text', data: { text: 'One.', blockId: 'a:0' } },
      { type: 'agent.text.delta', data: { text: 'Giv', blockId: 'b:0' } },
      { type: 'agent.text.abandoned', data: { blockId: 'b:0' } },
      ofSubagent,
      { type: 'agent.text.delta', data: { text: 'Tw', blockId: 'c:0' } },
    ];
    const { lease, lastSeq } = first;
    await recordEvents(bench.database, { runId: run.id, attempt: 1, events, lease, lastSeq });
    await bench.settle(first, { outcome: { status: 'handed_back' } });
    const second = await bench.claim();
    expect((await next(second)).saidBefore).toEqual([
      { blockId: 'a:0', isWhole: true },
      { blockId: 'c:0', isWhole: false },
    ]);
    await bench.settle(second);
  });

  it('starts from the beginning with each attempt if the agent is configured so', async () => {
    const agent = createReader({ retry: { continue: false } });
    const run = await bench.submit({ agent });
    const first = await bench.claim();
    await open(first, createId()).append(['1']);
    await bench.settle(first, { outcome: { status: 'handed_back' } });
    const second = await bench.claim();
    expect(await next(second)).toEqual({
      claudeSessionId: run.sessionId,
      isResumed: false,
      unfinishedToolUses: [],
      saidBefore: [],
    });
    expect(await open(second, run.sessionId).load()).toBeNull();
    await bench.settle(second);
  });

  it('rejects entries once the attempt has lost it, and does not wait', async () => {
    const run = await bench.submit();
    const slow = await bench.claim();
    const store = open(slow, createId());
    await store.append(['1']);
    await bench.expireLease(run.id);
    await bench.sweep();
    const taken = await bench.claim();
    await store.append(['2']);
    expect(await open(taken, createId()).load()).toEqual(['1']);
    await bench.settle(taken);
  });
});
