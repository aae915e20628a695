import { describe, expect, it } from 'vitest';
import { CONTINUATION } from './own-words.ts';
import { toTranscriptMessage } from './transcript-messages.ts';

describe('an entry of a transcript', () => {
  it('is a message when it comes from a user, the model or a tool', () => {
    expect(toTranscriptMessage({ type: 'user', timestamp: 't', message: { content: 'Hello.' } })).toEqual({
      role: 'user',
      at: 't',
      content: [{ type: 'text', text: 'Hello.' }],
    });
    const content = [
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'tool_use', id: 'a', name: 'Bash', input: { command: 'ls' } },
    ];
    expect(toTranscriptMessage({ type: 'assistant', message: { content } })?.content).toEqual([
      { type: 'thinking', text: 'Hm.' },
      { type: 'tool_use', toolUseId: 'a', name: 'Bash', input: { command: 'ls' } },
    ]);
    const results = [
      { type: 'tool_result', tool_use_id: 'a', is_error: true, content: [{ type: 'text', text: 'no' }] },
    ];
    expect(toTranscriptMessage({ type: 'user', message: { content: results } })?.content).toEqual([
      { type: 'tool_result', toolUseId: 'a', isError: true, text: 'no' },
    ]);
    const attachment = { type: 'queued_command', prompt: 'And blue.', source_uuid: 'b' };
    expect(toTranscriptMessage({ type: 'attachment', attachment })).toMatchObject({
      role: 'user',
      content: [{ type: 'text', text: 'And blue.' }],
    });
  });

  it('is not a message when it is a note of Claude Code or Longhaul', () => {
    const user = (more: object) => ({ type: 'user', message: { content: 'x' }, ...more });
    const entries = [
      user({ isMeta: true }),
      user({ isSidechain: true }),
      user({ isCompactSummary: true }),
      user({ message: { content: CONTINUATION } }),
      user({ message: { content: [{ type: 'text', text: '[Request interrupted by user for tool use]' }] } }),
      { type: 'assistant', message: { model: '<synthetic>', content: [{ type: 'text', text: 'API Error' }] } },
      { type: 'attachment', attachment: { type: 'date' } },
      { type: 'queue-operation', content: 'x' },
      null,
      7,
    ];
    expect(entries.map(toTranscriptMessage)).toEqual(entries.map(() => null));
  });

  it('is cut when it is too long, between characters', () => {
    const [part] = toTranscriptMessage({ type: 'user', message: { content: `${'a'.repeat(31_999)}🤖` } })!.content;
    expect(part).toMatchObject({ type: 'text', isTruncated: true });
    expect((part as { text: string }).text).toHaveLength(32_000);
    expect((part as { text: string }).text.isWellFormed()).toBe(true);
    const input = { text: 'b'.repeat(9_000) };
    const content = [{ type: 'tool_use', id: 'a', name: 'Write', input }];
    expect(toTranscriptMessage({ type: 'assistant', message: { content } })?.content).toMatchObject([
      { isTruncated: true, input: expect.stringMatching(/^\{"text":"b{100}/) },
    ]);
  });
});
