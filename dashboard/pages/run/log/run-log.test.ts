import type { LonghaulEvent } from 'longhaul/client';
import { describe, expect, it } from 'vitest';
import { cpuTimeOf } from '../../../cpu-time.fixture.ts';
import { createRunLog, toRows, type TextItem, type ToolItem } from './run-log.ts';

let seq = 0;

function event<Type extends LonghaulEvent['type']>(type: Type, data: LonghaulEvent<Type>['data'], attempt = 1) {
  seq += 1;
  return { runId: 'r', seq, type, at: '2026-03-10T12:00:00.000Z', attempt, data } as LonghaulEvent;
}

function logOf(...events: LonghaulEvent[]) {
  const log = createRunLog();
  for (const one of events) log.push(one);
  return log;
}

const show = (log: ReturnType<typeof createRunLog>) =>
  toRows(log.items, () => false).map(({ item, depth }) => {
    const what =
      item.kind === 'text' || item.kind === 'thinking' ? item.text : item.kind === 'tool' ? item.name : item.event.type;
    return `${'  '.repeat(depth)}${item.kind} ${what}`;
  });

describe('the log of a run, put together', () => {
  it('lets text grow, and takes the whole block in its place', () => {
    const log = logOf(
      event('agent.text.delta', { text: 'Hel', blockId: 'a' }),
      event('agent.text.delta', { text: 'lo', blockId: 'a' }),
    );
    expect(log.items).toMatchObject([{ kind: 'text', text: 'Hello', isStreaming: true }]);
    log.push(event('agent.text', { text: 'Hello.', blockId: 'a' }));
    expect(log.items).toMatchObject([{ text: 'Hello.', isStreaming: false }]);
    expect(log.events.map(({ type }) => type)).toEqual(['agent.text']);
  });

  it('passes over an event that it has had', () => {
    const delta = event('agent.text.delta', { text: 'once', blockId: 'a' });
    const log = logOf(delta, delta);
    expect((log.items[0] as TextItem).text).toBe('once');
  });

  it('drops what an attempt had begun to say, and keeps what it had said', () => {
    const log = logOf(
      event('agent.text', { text: 'First.', blockId: 'a' }),
      event('agent.text.delta', { text: 'Sec', blockId: 'b' }),
      event('run.retrying', { error: { code: 'hung', message: '', retryable: true }, delaySeconds: 10 }),
      event('run.started', { workerId: 'w' }, 2),
      event('agent.text', { text: 'Second.', blockId: 'c' }, 2),
    );
    expect(show(log)).toEqual(['text First.', 'mark run.retrying', 'mark run.started', 'text Second.']);
  });

  it('drops an abandoned block, whole or not', () => {
    const log = logOf(
      event('agent.text.delta', { text: 'Once u', blockId: 'a' }),
      event('agent.text', { text: 'Superseded.', blockId: 'b' }),
      event('agent.text.abandoned', { blockId: 'a' }),
      event('agent.text.abandoned', { blockId: 'b' }),
      event('agent.text', { text: 'Once upon a time.', blockId: 'c' }),
    );
    expect(show(log)).toEqual(['text Once upon a time.']);
  });

  it('keeps the text that an interrupted continuation was to continue', () => {
    const log = logOf(
      event('agent.text', { text: 'The ans', blockId: 'a' }),
      event('agent.text.delta', { text: 'wer i', blockId: 'b', isContinuation: true }),
      event('run.started', { workerId: 'w' }, 2),
    );
    expect(show(log)).toEqual(['text The ans', 'mark run.started']);
  });

  it('appends a continuation to the text that it continues, and takes it away again when it is abandoned', () => {
    const log = logOf(
      event('agent.text', { text: 'The ans', blockId: 'a' }),
      event('agent.text.delta', { text: 'wer i', blockId: 'b', isContinuation: true }),
    );
    expect(log.items).toMatchObject([{ text: 'The answer i', isStreaming: true }]);
    log.push(event('agent.text.abandoned', { blockId: 'b' }));
    expect(log.items).toMatchObject([{ text: 'The ans', isStreaming: false }]);
    log.push(event('agent.text', { text: 'wer is 42.', blockId: 'c', isContinuation: true }));
    expect(show(log)).toEqual(['text The answer is 42.']);
  });
});

describe('the tools in the log of a run', () => {
  it('gives tools their results, changed inputs and denials, whenever those come', () => {
    const log = logOf(
      event('agent.tool_use', { toolUseId: 't1', name: 'Read', input: { file_path: 'a' } }),
      event('agent.tool_use', { toolUseId: 't2', name: 'Bash', input: { command: 'ls' } }),
      event('agent.tool_input', { toolUseId: 't2', name: 'Bash', input: { command: 'ls -l' } }),
      event('agent.permission_denied', { toolUseId: 't2', name: 'Bash', message: 'No.' }),
      event('agent.tool_result', { toolUseId: 't1', isError: false, content: 'AAA' }),
    );
    expect(log.items).toMatchObject([
      { name: 'Read', result: { content: 'AAA' } },
      { name: 'Bash', input: { command: 'ls -l' }, askedInput: { command: 'ls' }, denial: 'No.', result: null },
    ]);
  });

  it('sums up the connections by host, and shows the first refusal of each', () => {
    const refused = {
      host: 'evil.example',
      port: 443,
      decision: 'refused',
      reason: 'host',
      sentBytes: 0,
      receivedBytes: 0,
    } as const;
    const log = logOf(
      event('agent.connection', { host: 'a.example', port: 443, decision: 'allowed', sentBytes: 5, receivedBytes: 70 }),
      event('agent.connection', refused),
      event('agent.connection', { host: 'a.example', port: 443, decision: 'allowed', sentBytes: 1, receivedBytes: 2 }),
      event('agent.connection', refused),
    );
    expect(log.hosts).toEqual([
      { host: 'a.example', port: 443, allowed: 2, refused: 0, sentBytes: 6, receivedBytes: 72 },
      { host: 'evil.example', port: 443, allowed: 0, refused: 2, sentBytes: 0, receivedBytes: 0 },
    ]);
    expect(log.items).toMatchObject([{ kind: 'mark', event: { data: { host: 'evil.example' } } }]);
  });

  it('shows what a sub-agent did below the tool use that began it, at any depth', () => {
    const log = logOf(
      event('agent.tool_use', { toolUseId: 'a', name: 'Agent', input: {} }),
      event('agent.text', { text: 'before', blockId: '1' }),
      event('agent.tool_use', { toolUseId: 'b', name: 'Agent', input: {}, parentToolUseId: 'a' }),
      event('agent.tool_use', { toolUseId: 'c', name: 'Read', input: {}, parentToolUseId: 'b' }),
      event('agent.text', { text: 'below', blockId: '2', parentToolUseId: 'a' }),
      event('agent.text', { text: 'of nobody', blockId: '3', parentToolUseId: 'gone' }),
    );
    expect(show(log)).toEqual([
      'tool Agent',
      '  tool Agent',
      '    tool Read',
      '  text below',
      'text before',
      'text of nobody',
    ]);
    expect(toRows(log.items, (item) => item.toolUseId === 'a')).toHaveLength(3);
  });

  it('shows what waits for a person with the tool it is about, and how it was decided', () => {
    const tool = { name: 'Bash', input: {}, toolUseId: 'x' };
    const log = logOf(
      event('agent.tool_use', { toolUseId: 'x', name: 'Bash', input: {} }),
      event('approval.requested', { approvalId: 'p', kind: 'tool', tool, expiresAt: '2026-03-11T12:00:00Z' }),
    );
    const item = log.items[0] as ToolItem;
    expect([item.approvalId, item.decision]).toEqual(['p', null]);
    log.push(event('approval.resolved', { approvalId: 'p', decision: 'allow' }));
    expect(item.decision).toMatchObject({ decision: 'allow' });
    expect(show(log)).toEqual(['tool Bash']);
  });

  it('takes events of types that it does not know', () => {
    const log = logOf(event('agent.new_thing' as 'agent.other', { message: 'x' }));
    expect(show(log)).toEqual(['mark agent.new_thing']);
  });

  it('takes 100,000 events in the time that so many take, and no more', () => {
    const log = createRunLog();
    const usedMs = cpuTimeOf(() => {
      for (let index = 0; index < 50_000; index++) {
        log.push(event('agent.tool_use', { toolUseId: `t${index}`, name: 'Read', input: {} }));
        log.push(event('agent.tool_result', { toolUseId: `t${index}`, isError: false, content: 'x' }));
      }
      expect(toRows(log.items, () => false)).toHaveLength(50_000);
    });
    expect(usedMs).toBeLessThan(1_500);
  });
});
