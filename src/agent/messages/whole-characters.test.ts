import { describe, expect, it } from 'vitest';
import { createMessageMapper } from './messages-to-events.ts';

const [HIGH, LOW] = ['\uD83D', '\uDE42'];

describe('a text that is streamed in pieces', () => {
  const stream = (event: object, parent: string | null = null) => ({
    type: 'stream_event',
    event,
    parent_tool_use_id: parent,
  });
  const start = (id: string, parent?: string) =>
    stream({ type: 'message_start', message: { id, model: 'claude-sonnet-4-5', usage: {} } }, parent);
  const begin = (index = 0, parent?: string) =>
    stream({ type: 'content_block_start', index, content_block: { type: 'text', text: '' } }, parent);
  const delta = (text: string, index = 0, parent?: string) =>
    stream({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } }, parent);

  function textsOf(messages: readonly object[]): [blockId: string, text: string][] {
    const mapper = createMessageMapper();
    return messages
      .flatMap((message) => mapper.toEvents(message))
      .flatMap((event) => (event.type === 'agent.text.delta' ? [[event.data.blockId, event.data.text]] : []));
  }

  it('keeps a character that is split over two pieces', () => {
    expect(textsOf([start('m'), begin(), delta(`so${HIGH}`), delta(`${LOW}!`)])).toEqual([
      ['m:0', 'so'],
      ['m:0', '🙂!'],
    ]);
    expect(textsOf([start('m'), begin(), delta(HIGH), delta(LOW + HIGH), delta(LOW)])).toEqual([
      ['m:0', '🙂'],
      ['m:0', '🙂'],
    ]);
  });

  it('has a replacement for a single half, which is never joined with another text', () => {
    const messages = [start('m'), begin(), delta(`a${HIGH}`), begin(1), delta('b', 1), start('n'), begin(), delta(LOW)];
    expect(textsOf(messages)).toEqual([
      ['m:0', 'a'],
      ['m:1', 'b'],
      ['n:0', '\uFFFD'],
    ]);
    expect(textsOf([start('m'), begin(), delta(HIGH), delta('b')])).toEqual([['m:0', '\uFFFDb']]);
  });

  it('is not mixed up with the text of a subagent that streams at the same time', () => {
    const messages = [
      start('m'),
      begin(),
      start('s', 'use'),
      begin(0, 'use'),
      delta(HIGH),
      delta(`x${HIGH}`, 0, 'use'),
    ];
    expect(textsOf([...messages, delta(LOW), delta(LOW, 0, 'use')])).toEqual([
      ['s:0', 'x'],
      ['m:0', '🙂'],
      ['s:0', '🙂'],
    ]);
  });
});
