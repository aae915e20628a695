import { expect, it } from 'vitest';
import { createTextReader, textOf } from './text-of.ts';

const delta = (text: string, blockId = 'a') => ({ type: 'agent.text.delta', data: { text, blockId } }) as const;
const whole = (text: string, blockId = 'a') => ({ type: 'agent.text', data: { text, blockId } }) as const;

it('joins pieces, and lets the whole block replace them', () => {
  const reader = createTextReader();
  expect(reader.push(delta('Good '))).toBe(true);
  expect(reader.push(delta('morn'))).toBe(true);
  expect(reader.text).toBe('Good morn');
  reader.push(whole('Good morning.'));
  reader.push(delta('And ', 'b'));
  expect(reader.text).toBe('Good morning.\n\nAnd ');
});

it('reads the same from a log that was folded while it was read', () => {
  expect(textOf([delta('Good '), whole('Good morning.')])).toBe('Good morning.');
  expect(textOf([whole('Good morning.')])).toBe('Good morning.');
});

it('drops unfinished text of an attempt when another one begins, folded or not', () => {
  const started = { type: 'run.started', data: { workerId: '1' } } as const;
  expect(textOf([whole('First.'), delta('Tw', 'b'), started, delta('Two.', 'c')])).toBe('First.\n\nTwo.');
  const partial = { type: 'agent.text', data: { text: 'Tw', blockId: 'b', isPartial: true } } as const;
  expect(textOf([whole('First.'), partial, started, whole('Two.', 'c')])).toBe('First.\n\nTwo.');
  expect(textOf([whole('First.'), partial])).toBe('First.\n\nTw');
});

it('leaves out text of subagents', () => {
  const inner = { type: 'agent.text', data: { text: 'psst', blockId: 'b', parentToolUseId: 't' } } as const;
  expect(textOf([whole('Loud.'), inner])).toBe('Loud.');
});

it('removes an abandoned block, begun or whole, and shows its replacement', () => {
  const abandoned = (blockId: string) => ({ type: 'agent.text.abandoned', data: { blockId } }) as const;
  const reader = createTextReader();
  reader.push(whole('First.'));
  reader.push(delta('The incom', 'b'));
  expect(reader.push(abandoned('b'))).toBe(true);
  expect(reader.text).toBe('First.');
  expect(reader.push(abandoned('unknown'))).toBe(false);
  reader.push(delta('The income tax.', 'c'));
  expect(reader.text).toBe('First.\n\nThe income tax.');
  reader.push(abandoned('a'));
  expect(reader.text).toBe('The income tax.');
});

it('joins the two halves of an interrupted text', () => {
  const rest = {
    type: 'agent.text.delta',
    data: { text: 'second half.', blockId: 'b', isContinuation: true },
  } as const;
  expect(textOf([whole('The first half, the '), rest])).toBe('The first half, the second half.');
  const wholeRest = { type: 'agent.text', data: { ...rest.data, text: 'second half. ' } } as const;
  expect(textOf([whole('The first half, the '), rest, wholeRest, whole('Next.', 'c')])).toBe(
    'The first half, the second half. \n\nNext.',
  );
  // The first half may be earlier than the events that are read.
  expect(textOf([wholeRest])).toBe('second half. ');
});
