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

it('drops what an attempt had begun to say when another one begins, folded or not', () => {
  const started = { type: 'run.started', data: { workerId: '1' } } as const;
  expect(textOf([whole('One.'), delta('Tw', 'b'), started, delta('Two.', 'c')])).toBe('One.\n\nTwo.');
  const partial = { type: 'agent.text', data: { text: 'Tw', blockId: 'b', isPartial: true } } as const;
  expect(textOf([whole('One.'), partial, started, whole('Two.', 'c')])).toBe('One.\n\nTwo.');
  expect(textOf([whole('One.'), partial])).toBe('One.\n\nTw');
});

it('leaves out what sub-agents say', () => {
  const inner = { type: 'agent.text', data: { text: 'psst', blockId: 'b', parentToolUseId: 't' } } as const;
  expect(textOf([whole('Loud.'), inner])).toBe('Loud.');
});

it('takes away a block that was given up, begun or whole, and shows what takes its place', () => {
  const abandoned = (blockId: string) => ({ type: 'agent.text.abandoned', data: { blockId } }) as const;
  const reader = createTextReader();
  reader.push(whole('One.'));
  reader.push(delta('The incom', 'b'));
  expect(reader.push(abandoned('b'))).toBe(true);
  expect(reader.text).toBe('One.');
  expect(reader.push(abandoned('unknown'))).toBe(false);
  reader.push(delta('The income tax.', 'c'));
  expect(reader.text).toBe('One.\n\nThe income tax.');
  reader.push(abandoned('a'));
  expect(reader.text).toBe('The income tax.');
});

it('joins the two halves of a text that was cut off', () => {
  const rest = {
    type: 'agent.text.delta',
    data: { text: 'second half.', blockId: 'b', isContinuation: true },
  } as const;
  expect(textOf([whole('The first half, the '), rest])).toBe('The first half, the second half.');
  const wholeRest = { type: 'agent.text', data: { ...rest.data, text: 'second half. ' } } as const;
  expect(textOf([whole('The first half, the '), rest, wholeRest, whole('Next.', 'c')])).toBe(
    'The first half, the second half. \n\nNext.',
  );
  // The first half may be before the events that are read.
  expect(textOf([wholeRest])).toBe('second half. ');
});
