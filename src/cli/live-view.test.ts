import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { RunResource } from '../client/client.ts';
import type { NewEvent, WaitingFor } from '../core/events.ts';
import { createLiveView } from './live-view.ts';
import { createOutput } from './shell.ts';

describe('the live view', () => {
  it('shows streamed text once, although the whole block follows', () => {
    const shown = show([
      { type: 'agent.text.delta', data: { blockId: 'm:0', text: 'Two loads ' } },
      { type: 'agent.text.delta', data: { blockId: 'm:0', text: 'are late.' } },
      { type: 'agent.text', data: { blockId: 'm:0', text: 'Two loads are late.' } },
    ]);
    expect(shown).toBe('Two loads are late.');
  });

  it('shows a block that was not streamed, and the rest of a partly streamed block', () => {
    const shown = show([
      { type: 'agent.text', data: { blockId: 'm:0', text: 'First.' } },
      { type: 'agent.text.delta', data: { blockId: 'm:1', text: 'Sec' } },
      { type: 'agent.text', data: { blockId: 'm:1', text: 'Second.' } },
    ]);
    expect(shown).toBe('First.\n\nSecond.');
  });

  it('continues an interrupted text in the same line', () => {
    const shown = show([
      { type: 'agent.text', data: { blockId: 'm:0', text: 'The first half, ' } },
      { type: 'agent.text.delta', data: { blockId: 'n:0', text: 'the sec', isContinuation: true } },
      { type: 'agent.text', data: { blockId: 'n:0', text: 'the second.', isContinuation: true } },
      { type: 'agent.text', data: { blockId: 'n:1', text: 'Next.' } },
    ]);
    expect(shown).toBe('The first half, the second.\n\nNext.');
  });

  it('names withdrawn text, and shows its replacement', () => {
    const shown = show([
      { type: 'agent.text.delta', data: { blockId: 'm:0', text: 'The incom' } },
      { type: 'agent.text.abandoned', data: { blockId: 'm:0' } },
      { type: 'agent.text.abandoned', data: { blockId: 'unknown' } },
      { type: 'agent.text', data: { blockId: 'n:0', text: 'The income tax.' } },
    ]);
    expect(shown).toBe('The incom\n\n↻ the model withdrew this text: The incom\n\nThe income tax.');
  });

  it('reports that another model continues', () => {
    const change = { from: 'claude-fable-5', to: 'claude-opus-4-8', reason: 'refusal', category: 'cyber' } as const;
    expect(show([{ type: 'agent.model_changed', data: change }])).toBe(
      '↻ claude-fable-5 declined to answer (cyber); claude-opus-4-8 continues\n',
    );
  });

  it('shows a tool use with its input, and a summary of its result below it', () => {
    const shown = show([
      { type: 'agent.init', data: { sessionId: '', model: '', tools: [], cwd: '/srv/desk', claudeCodeVersion: '' } },
      {
        type: 'agent.tool_use',
        data: { toolUseId: 'a', name: 'Read', input: { file_path: '/srv/desk/notes/plan.md' } },
      },
      { type: 'agent.tool_result', data: { toolUseId: 'a', isError: false, content: '1\tone\n2\ttwo\n3\t' } },
      { type: 'agent.tool_use', data: { toolUseId: 'b', name: 'Grep', input: { pattern: 'late', path: '.' } } },
      { type: 'agent.tool_result', data: { toolUseId: 'b', isError: true, content: 'No such file\n' } },
    ]);
    expect(shown).toBe('● Read  notes/plan.md\n  └ 2 lines\n● Grep  late\n  └ No such file\n');
  });

  it('names the tool use of each result when several tools are in progress', () => {
    const shown = show([
      { type: 'agent.tool_use', data: { toolUseId: 'a', name: 'Read', input: { file_path: 'a.md' } } },
      { type: 'agent.tool_use', data: { toolUseId: 'b', name: 'Read', input: { file_path: 'b.md' } } },
      { type: 'agent.tool_result', data: { toolUseId: 'b', isError: false, content: 'bee' } },
      { type: 'agent.tool_result', data: { toolUseId: 'a', isError: false, content: '' } },
    ]);
    expect(shown).toBe('● Read  a.md\n● Read  b.md\n  └ Read b.md: bee\n  └ Read a.md: no output\n');
  });

  it('keeps text from outside from controlling the terminal', () => {
    const evil = 'x\x1b[2J\u009b1m\u202ey\rz';
    const shown = show([
      { type: 'agent.text.delta', data: { blockId: evil, text: evil } },
      { type: 'agent.text', data: { blockId: 'b', text: evil } },
      { type: 'agent.thinking', data: { text: evil } },
      { type: 'agent.tool_use', data: { toolUseId: 'a', name: evil, input: { command: evil } } },
      { type: 'agent.tool_use', data: { toolUseId: 'b', name: evil, input: { [evil]: [evil] } } },
      { type: 'agent.tool_result', data: { toolUseId: 'a', isError: true, content: evil } },
      { type: 'agent.tool_result', data: { toolUseId: evil, isError: false, content: evil } },
      { type: 'agent.api_retry', data: { attempt: 1, maxRetries: 2, delayMs: 500, status: 529, error: evil } },
      { type: 'agent.permission_denied', data: { toolUseId: 'a', name: evil, message: evil } },
      { type: 'agent.text.abandoned', data: { blockId: evil } },
      { type: 'agent.model_changed', data: { from: evil, to: evil, reason: 'refusal', category: evil } },
      { type: 'run.waiting', data: { waitingFor: evil as WaitingFor } },
      {
        type: 'approval.requested',
        data: {
          approvalId: evil,
          kind: 'tool',
          tool: { name: evil, input: evil, toolUseId: evil },
          expiresAt: evil,
        },
      },
      {
        type: 'approval.requested',
        data: {
          approvalId: 'a',
          kind: 'question',
          tool: { name: 'b', input: { questions: [{ question: evil, options: [{ label: evil }] }] }, toolUseId: 'c' },
          expiresAt: '',
        },
      },
      { type: 'approval.resolved', data: { approvalId: 'a', decision: 'deny', reason: evil } },
      { type: 'run.retrying', data: { error: { code: 'hung', message: evil, retryable: true }, delaySeconds: 1 } },
      { type: 'agent.other', data: { message: evil } },
    ]);
    expect(shown).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
    expect(shown).toContain('x\\x1b[2J');
  });

  it('ends with outcome, cost, turns and seconds', () => {
    const run = { status: 'succeeded', error: null, costUsd: 0.0123, turns: 3, durationMs: 4_210 };
    expect(show([], run)).toBe('✓ succeeded   $0.0123   3 turns   4.2 s\n');
    const error = { code: 'max_turns', message: 'Too many turns.', retryable: false };
    expect(show([], { ...run, status: 'failed', error, turns: 1 })).toBe(
      '✗ failed   max_turns: Too many turns.   $0.0123   1 turn   4.2 s\n',
    );
  });
});

function show(events: readonly NewEvent[], run?: object): string {
  const stream = new PassThrough({ encoding: 'utf8' });
  const view = createLiveView(createOutput(stream));
  for (const [index, event] of events.entries()) {
    view.add({ ...event, runId: '', seq: index + 1, at: '', attempt: 1 });
  }
  if (run !== undefined) view.close(run as RunResource);
  return (stream.read() as string | null) ?? '';
}
