import { expect, it } from 'vitest';
import type { EventData, EventType, RunEvent } from '../../core/events.ts';
import type { CustomToolUse } from '../../run/approvals/custom-tool-uses.ts';
import type { ManagedEvent } from './managed-event.ts';
import { projectEvent } from './project-turn.ts';
import { NOTHING_USED } from './turn.ts';
import { createTurnState } from './turn-state.ts';

// Tests how the log of a session shows uses of tools that the client runs, and the budget of the session.

const RUN = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';
const FIRST = '01968a3e-7b2c-7d40-9f7a-000000000001';
const SECOND = '01968a3e-7b2c-7d40-9f7a-000000000002';

/** Creates a log that shows the events of one run, in order. */
function createLog(uses: Readonly<Record<string, CustomToolUse>> = {}) {
  const state = createTurnState({
    turn: {
      runId: RUN,
      turn: 1,
      prompt: 'hello',
      parts: null,
      startedAt: new Date(0),
      finishedAt: null,
      endsIdle: false,
      lastSeq: 0,
      before: NOTHING_USED,
      own: NOTHING_USED,
    },
    thread: {
      id: 'sthr_x',
      agentName: 'Clerk',
      permissionOf: () => 'allow',
      isCustom: (tool) => tool.startsWith('mcp__custom__'),
    },
    status: 'running',
    budgetMicros: null,
  });
  for (const [id, use] of Object.entries(uses)) state.customUses.set(id, use);
  let seq = 0;
  return function see<T extends EventType>(type: T, data: EventData[T], attempt = 1): ManagedEvent[] {
    seq += 1;
    const event = { runId: RUN, seq, type, at: new Date(seq).toISOString(), attempt, data } as RunEvent;
    return projectEvent(state, event).flatMap((item) => ('event' in item ? [item.event] : []));
  };
}

const use = (toolUseId: string) => ({ toolUseId, name: 'mcp__custom__pay', input: { sum: 1 } });
const requested = (approvalId: string, toolUseId: string) => ({
  approvalId,
  kind: 'custom' as const,
  tool: use(toolUseId),
  expiresAt: '2026-01-01T00:00:00.000Z',
});
const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, model: 'm' };
const typesOf = (events: readonly ManagedEvent[]) => events.map(({ type }) => type);

it('shows a use when its result is asked for, within the model request or behind it', () => {
  const see = createLog();
  expect(typesOf(see('agent.tool_use', use('toolu_1')))).toEqual(['span.model_request_start']);
  expect(typesOf(see('agent.usage', usage))).toEqual(['span.model_request_end']);
  const [shown, ...idle] = see('approval.requested', requested(FIRST, 'toolu_1'));
  expect(shown).toMatchObject({ type: 'agent.custom_tool_use', name: 'pay', input: { sum: 1 } });
  expect(idle.at(-1)).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [shown!.id] } });

  // The hook of a use may run before the message about it is read.
  const early = createLog();
  expect(typesOf(early('approval.requested', requested(FIRST, 'toolu_1')))).toEqual([
    'span.model_request_start',
    'agent.custom_tool_use',
    'session.thread_status_idle',
    'session.usage',
    'session.status_idle',
  ]);
  expect(early('agent.tool_use', use('toolu_1'))).toEqual([]);
});

it('shows the use that is made again, and its results for Claude Code, not at all', () => {
  const result = { content: [{ type: 'text', text: 'Paid' }], isError: false } as const;
  const see = createLog({ [FIRST]: { input: { sum: 2 }, result } });
  const [, shown] = see('approval.requested', requested(FIRST, 'toolu_1'));
  expect(shown).toMatchObject({ input: { sum: 2 } });
  see('agent.tool_use', use('toolu_1'));
  see('agent.usage', usage);
  const put = { toolUseId: 'toolu_1', isError: true, content: 'it has not begun' };
  expect(see('agent.tool_result', put)).toEqual([]);
  const decided = see('approval.resolved', { approvalId: FIRST, decision: 'allow' });
  expect(decided[0]).toMatchObject({
    type: 'user.custom_tool_result',
    custom_tool_use_id: shown!.id,
    content: result.content,
    is_error: false,
  });
  expect(typesOf(decided.slice(1))).toEqual(['session.status_running', 'session.thread_status_running']);
  expect(typesOf(see('agent.tool_use', use('toolu_2'), 2))).toEqual(['span.model_request_start']);
  expect(see('agent.tool_result', { toolUseId: 'toolu_2', isError: false, content: 'Paid' }, 2)).toEqual([]);
});

it('shows an error for a use that gets no result in time, or is interrupted', () => {
  const see = createLog();
  see('approval.requested', requested(FIRST, 'toolu_1'));
  const second = see('approval.requested', requested(SECOND, 'toolu_2')).find(({ type }) => /custom/.test(type))!;
  const expired = see('approval.resolved', { approvalId: FIRST, decision: 'expired' });
  expect(expired[0]).toMatchObject({ type: 'user.custom_tool_result', is_error: true });
  expect(expired.at(-1)).toMatchObject({ stop_reason: { event_ids: [second.id] } });
  expect(see('approval.resolved', { approvalId: SECOND, decision: 'cancelled' })).toMatchObject([
    { type: 'user.custom_tool_result', custom_tool_use_id: second.id, is_error: true },
  ]);
});

it('shows the tools of an MCP server that only has a similar name as those of a server', () => {
  const see = createLog();
  const name = 'mcp__customer__pay';
  expect(see('agent.tool_use', { ...use('toolu_1'), name })[1]).toMatchObject({
    type: 'agent.mcp_tool_use',
    mcp_server_name: 'customer',
  });
});

it('is idle at its budget also when the session waited to go on by itself', () => {
  const see = createLog();
  see('run.retrying', { error: { code: 'provider_overloaded', message: 'm', retryable: true }, delaySeconds: 1 });
  const events = see('run.waiting', { waitingFor: 'budget', scope: 'session', costUsd: 0.5 });
  expect(typesOf(events)).toEqual(['session.thread_status_idle', 'session.usage', 'session.status_idle']);
  expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'budget_reached' } });
  expect(see('run.waiting', { waitingFor: 'budget', scope: 'session', costUsd: 0.5 })).toEqual([]);
});
