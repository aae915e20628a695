import type { LonghaulEvent } from 'longhaul/client';
import { describe, expect, it } from 'vitest';
import { cpuTimeOf } from '../../../cpu-time.fixture.ts';
import { toSpans } from './to-spans.ts';

const START = Date.parse('2026-03-10T12:00:00Z');
let seq = 0;

function event<Type extends LonghaulEvent['type']>(
  seconds: number,
  type: Type,
  data: LonghaulEvent<Type>['data'],
  attempt = 1,
) {
  seq += 1;
  return { runId: 'r', seq, type, at: new Date(START + seconds * 1_000).toISOString(), attempt, data } as LonghaulEvent;
}

const tokens = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0 };
const usage = (seconds: number, parentToolUseId?: string) =>
  event(seconds, 'agent.usage', { ...tokens, model: 'm', parentToolUseId });
const init = (seconds: number) =>
  event(seconds, 'agent.init', { sessionId: 's', model: 'm', tools: [], cwd: '/', claudeCodeVersion: '2' });

const show = (events: LonghaulEvent[]) =>
  toSpans(events).map(({ kind, title, from, to, depth }) => {
    const end = to === null ? '…' : (to - START) / 1_000;
    return `${'  '.repeat(depth)}${kind} ${title} ${(from - START) / 1_000}–${end}`;
  });

describe("the spans of a run's time", () => {
  it('include the queue, the start, model calls, tools and decisions', () => {
    expect(
      show([
        event(0, 'run.queued', { agent: 'a' }, 0),
        event(2, 'run.started', { workerId: 'w' }),
        init(3),
        event(5, 'agent.tool_use', { toolUseId: 't', name: 'Bash', input: {} }),
        usage(5),
        event(5, 'approval.requested', {
          approvalId: 'p',
          kind: 'tool',
          tool: { name: 'Bash', input: {}, toolUseId: 't' },
          expiresAt: '',
        }),
        event(8, 'approval.resolved', { approvalId: 'p', decision: 'allow' }),
        event(9, 'agent.tool_result', { toolUseId: 't', isError: false, content: '' }),
        usage(11),
        event(12, 'run.succeeded', { result: '', costUsd: 0, turns: 2, durationMs: 1 }),
      ]),
    ).toEqual([
      'queue Queue 0–2',
      'start Start of Claude Code 2–3',
      'model m 3–5',
      'tool Bash 5–9',
      '  person Decision on Bash 5–8',
      'model m 9–11',
    ]);
  });

  it('ends with an attempt what that left open, and shows the delay before the next', () => {
    expect(
      show([
        event(0, 'run.started', { workerId: 'w' }),
        init(1),
        event(2, 'agent.tool_use', { toolUseId: 't', name: 'Bash', input: {} }),
        event(5, 'run.retrying', { error: { code: 'hung', message: '', retryable: true }, delaySeconds: 10 }),
        event(15, 'run.started', { workerId: 'w' }, 2),
      ]),
    ).toEqual([
      'start Start of Claude Code 0–1',
      'tool Bash 2–5',
      'retry Delay after hung 5–15',
      'start Start of Claude Code 15–…',
    ]);
  });

  it('takes time that grows with the log and no more', () => {
    const events = Array.from({ length: 20_000 }, (_, index) =>
      event(index, 'agent.tool_use', { toolUseId: `t${index}`, name: 'Read', input: {} }),
    );
    expect(cpuTimeOf(() => expect(toSpans(events)).toHaveLength(20_000))).toBeLessThan(1_000);
  });
});

describe('the spans of a sub-agent', () => {
  it('are below the tool use that began it', () => {
    expect(
      show([
        init(0),
        event(1, 'agent.tool_use', { toolUseId: 'a', name: 'Agent', input: {} }),
        usage(1),
        event(3, 'agent.tool_use', { toolUseId: 'b', name: 'Read', input: {}, parentToolUseId: 'a' }),
        usage(3, 'a'),
        event(4, 'agent.tool_result', { toolUseId: 'b', isError: true, content: '', parentToolUseId: 'a' }),
        usage(6, 'a'),
        event(7, 'agent.tool_result', { toolUseId: 'a', isError: false, content: '' }),
      ]),
    ).toEqual(['model m 0–1', 'tool Agent 1–7', '  model m 1–3', '  tool Read 3–4', '  model m 4–6']);
  });

  it('include its model calls, for which no usage is reported', () => {
    const parentToolUseId = 'a';
    expect(
      show([
        init(0),
        event(1, 'agent.tool_use', { toolUseId: 'a', name: 'Agent', input: {} }),
        usage(1),
        event(3, 'agent.text', { text: 'I look.', blockId: 'x', parentToolUseId }),
        event(4, 'agent.tool_use', { toolUseId: 'b', name: 'Grep', input: {}, parentToolUseId }),
        event(5, 'agent.tool_result', { toolUseId: 'b', isError: false, content: '', parentToolUseId }),
        event(8, 'agent.text', { text: 'Found.', blockId: 'y', parentToolUseId }),
        event(8, 'agent.tool_result', { toolUseId: 'a', isError: false, content: '' }),
      ]),
    ).toEqual([
      'model m 0–1',
      'tool Agent 1–8',
      '  model Model of the sub-agent 1–4',
      '  tool Grep 4–5',
      '  model Model of the sub-agent 5–8',
    ]);
  });
});
