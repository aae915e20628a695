import { expect, it } from 'vitest';
import type { NewEvent } from '../core/events.ts';
import { createEventMask } from './mask-events.ts';

const KEY = `sk-ant-api03-${'aB3dE6gH9j'.repeat(9)}AA`;

function mask(given: readonly NewEvent[]): NewEvent[] {
  const events: NewEvent[] = [];
  const masked = createEventMask((event) => events.push(event));
  for (const event of given) masked.add(event);
  masked.end();
  return events;
}

const delta = (text: string, blockId = 'a') => ({ type: 'agent.text.delta', data: { text, blockId } }) as const;

it('masks a key that comes in pieces, so that the pieces equal the block', () => {
  const text = `The key is ${KEY} and no other.`;
  const pieces = text.match(/.{1,7}/g)!.map((piece) => delta(piece));
  const events = mask([...pieces, { type: 'agent.text', data: { text, blockId: 'a' } }]);
  expect(JSON.stringify(events)).not.toContain(KEY.slice(13, 40));
  const joined = events.flatMap((event) => (event.type === 'agent.text.delta' ? [event.data.text] : [])).join('');
  expect(joined).toBe('The key is [masked: anthropic-api-key] and no other.');
  expect(events.at(-1)).toEqual({ type: 'agent.text', data: { text: joined, blockId: 'a' } });
});

it('keeps blocks apart, and passes on text that has no end', () => {
  const events = mask([delta('one wo', 'a'), delta('two', 'b'), delta('rd', 'a')]);
  expect(events).toEqual([delta('one ', 'a'), delta('word', 'a'), delta('two', 'b')]);
});

it('passes on nothing more of an abandoned block', () => {
  const abandoned = { type: 'agent.text.abandoned', data: { blockId: 'a' } } as const;
  const whole = { type: 'agent.text', data: { text: 'The income tax.', blockId: 'b' } } as const;
  const events = mask([delta('The inc', 'a'), abandoned, delta('The income tax.', 'b'), whole]);
  expect(events).toEqual([delta('The ', 'a'), abandoned, delta('The income ', 'b'), delta('tax.', 'b'), whole]);
});

it('masks the inputs and results of tools', () => {
  const events = mask([
    { type: 'agent.tool_use', data: { toolUseId: 't', name: 'Bash', input: { command: `export KEY=${KEY}` } } },
    { type: 'agent.tool_result', data: { toolUseId: 't', isError: false, content: `${KEY}\n` } },
  ]);
  expect(JSON.stringify(events)).not.toContain(KEY.slice(13, 40));
  expect(events[1]).toMatchObject({ data: { toolUseId: 't', isError: false } });
});

it('passes on a long text in pieces, without a longer wait for the end of a word', () => {
  const text = 'one two 🎉 '.repeat(100_000);
  const events = mask([delta(text)]);
  const pieces = events.map((event) => (event.type === 'agent.text.delta' ? event.data.text : ''));
  expect(pieces.join('')).toBe(text);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(16_000);
});
