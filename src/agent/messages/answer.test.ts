import { expect, it } from 'vitest';
import type { NewEvent } from '../../core/events.ts';
import { createAnswer } from './answer.ts';

const say = (text: string, more: object = {}): NewEvent => ({
  type: 'agent.text',
  data: { text, blockId: text, ...more },
});
const use: NewEvent = { type: 'agent.tool_use', data: { toolUseId: 't', name: 'Read', input: {} } };
const result: NewEvent = { type: 'agent.tool_result', data: { toolUseId: 't', isError: false, content: '' } };
const isContinuation = true;

function answerTo(events: readonly NewEvent[], before: Parameters<typeof createAnswer>[0] = []): string {
  const answer = createAnswer(before);
  for (const event of events) answer.hear(event);
  return answer.text;
}

it('contains every block since the last tool use, each as a paragraph', () => {
  expect(answerTo([say('Let me look.'), use, say('Meanwhile.'), result, say('Part 1.'), say('Part 2.')])).toBe(
    'Part 1.\n\nPart 2.',
  );
  expect(answerTo([])).toBe('');
});

it('joins a text that was cut off with its continuation, also across attempts', () => {
  expect(answerTo([say('The first half, '), say('the second.', { isContinuation })])).toBe(
    'The first half, the second.',
  );
  const before = [
    { text: 'Part 1.', isContinuation: false },
    { text: 'Two, ', isContinuation: false },
  ];
  expect(answerTo([say('three.', { isContinuation })], before)).toBe('Part 1.\n\nTwo, three.');
  expect(answerTo([use, result, say('Other.')], before)).toBe('Other.');
});

it('leaves out abandoned text, and the text and tool uses of subagents', () => {
  const abandoned: NewEvent = { type: 'agent.text.abandoned', data: { blockId: 'Refused.' } };
  const inner = { parentToolUseId: 'toolu_9' };
  const innerUse: NewEvent = { type: 'agent.tool_use', data: { toolUseId: 'u', name: 'Read', input: {}, ...inner } };
  expect(answerTo([say('Refused.'), abandoned, say('Here.'), say('psst', inner), innerUse])).toBe('Here.');
});
