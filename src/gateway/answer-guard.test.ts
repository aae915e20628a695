import { expect, test } from 'vitest';
import { ANSWER_BOUNDS, createAnswerGuard } from './answer-guard.ts';
import { messageStart, sse, textDelta, wholeStream } from './upstream.fixture.ts';

const STREAM = 'text/event-stream; charset=utf-8';

/** Passes an answer in these pieces through a guard, and notes the length held back after each piece. */
function pass(pieces: readonly Buffer[], contentType = STREAM) {
  const guard = createAnswerGuard(contentType);
  const passed: Buffer[] = [];
  let held = 0;
  let mostHeld = 0;
  for (const piece of pieces) {
    const { now, later } = guard.take(piece);
    passed.push(...now, ...later);
    held += piece.length - [...now, ...later].reduce((sum, part) => sum + part.length, 0);
    mostHeld = Math.max(mostHeld, held);
  }
  return { guard, text: Buffer.concat(passed).toString(), mostHeld };
}

function cutAt(text: string, ...places: number[]): Buffer[] {
  const bytes = Buffer.from(text);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

const error = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });

test('a good answer passes unchanged, wherever it is cut, and hardly any of it is held back', () => {
  const bytes = Buffer.from(wholeStream).length;
  for (let at = 0; at <= bytes; at++) {
    const { guard, text, mostHeld } = pass(cutAt(wholeStream, at));
    expect(text).toBe(wholeStream);
    expect(guard).toMatchObject({ isComplete: true, hasFailed: false, excess: null });
    expect(mostHeld).toBeLessThanOrEqual(12);
  }
  expect(pass(Array.from(Buffer.from(wholeStream), (byte) => Buffer.of(byte))).text).toBe(wholeStream);
});

test.each([
  ['as Anthropic writes it', error],
  ['without a space', error.replace('event: ', 'event:')],
  ['with the line ends of HTTP', error.replaceAll('\n', '\r\n')],
])('nothing passes after an error begins, %s, wherever it is cut', (_, written) => {
  const before = messageStart + textDelta('event: error\n is no event');
  const all = `${before}${written}${sse('message_stop')}`;
  for (let at = 0; at <= all.length; at++) {
    const { guard, text } = pass(cutAt(all, at));
    expect(text).toBe(before);
    expect(guard).toMatchObject({ isComplete: false, hasFailed: true });
  }
});

test('an answer that ends too early is not complete', () => {
  expect(pass(cutAt(messageStart + textDelta('Hel'))).guard.isComplete).toBe(false);
  expect(pass([]).guard.isComplete).toBe(false);
  expect(pass(cutAt(`${messageStart}event: errors\n\n`)).guard.hasFailed).toBe(false);
});

test('a long line passes when it is complete, and not before the meter has read it', () => {
  const guard = createAnswerGuard(STREAM);
  const line = Buffer.from(`data: ${'x'.repeat(200_000)}\n`);
  const pieces = Array.from({ length: Math.ceil(line.length / 1_000) }, (_, index) =>
    line.subarray(index * 1_000, (index + 1) * 1_000),
  );
  const taken = pieces.map((piece) => guard.take(piece));
  const sizes = taken.map(({ now, later }) => [now, later].map((parts) => Buffer.concat(parts).length));
  expect(sizes[0]).toEqual([1_000, 0]);
  expect(sizes[100]).toEqual([0, 0]);
  expect(sizes.at(-1)?.[1]).toBeGreaterThan(130_000);
  expect(Buffer.concat(taken.flatMap(({ now, later }) => [...now, ...later])).equals(line)).toBe(true);
  const big = createAnswerGuard(STREAM).take(line);
  expect([big.now.length, big.later.length]).toEqual([0, 1]);
});

test.each([STREAM, 'application/json'])('%s is limited by the bound of the whole answer', (contentType) => {
  const line = Buffer.from(`data: ${'x'.repeat(999_993)}\n`);
  const { guard, text } = pass(
    Array.from({ length: 33 }, () => line),
    contentType,
  );
  expect(text).toHaveLength(ANSWER_BOUNDS.answerBytes);
  expect(guard.excess).toContain('32000000');
});

test('a line is limited by its bound', () => {
  const piece = Buffer.alloc(64_000, 'x');
  const { guard, text } = pass(Array.from({ length: 70 }, () => piece));
  expect(text.length).toBeLessThanOrEqual(128_000);
  expect(guard.excess).toContain('4000000');
});
