import { describe, expect, it } from 'vitest';
import { createEventStreamParser, type StreamMessage } from './event-stream.ts';
import { collect } from './collect.fixture.ts';
import { readMessages } from './read-messages.ts';

const MESSAGES: StreamMessage[] = [
  { id: '1', event: 'run.queued', data: '{"text":"Grüße 🚛"}' },
  { id: '2', event: 'message', data: 'two\nlines' },
  { id: '2', event: 'end', data: '' },
];

const STREAM = [
  'retry: 1000',
  '',
  ': still here',
  '',
  'id: 1',
  'event: run.queued',
  'data: {"text":"Grüße 🚛"}',
  '',
  'id:2',
  'data:two',
  'data: lines',
  'unknown: field',
  '',
  'event: end',
  'data',
  '',
  'event: unfinished',
  'data: never seen',
].join('\n');

describe('an event stream', () => {
  for (const [name, lineBreak] of Object.entries({ LF: '\n', 'CR LF': '\r\n', CR: '\r' })) {
    it(`reads the same messages with ${name}, wherever the bytes are cut`, async () => {
      const bytes = new TextEncoder().encode(`\ufeff${STREAM.replaceAll('\n', lineBreak)}`);
      for (let cut = 0; cut <= bytes.length; cut++) {
        expect(await read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(MESSAGES);
      }
      expect(await read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(MESSAGES);
    });
  }

  it('returns a message as soon as its empty line has arrived', () => {
    const parser = createEventStreamParser();
    expect(parser.push('data: a\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ id: '', event: 'message', data: 'a' }]);
  });

  it('ends when nothing arrives any more, although the connection stays open', async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      cancel() {
        isCancelled = true;
      },
    });
    expect(await collect(readMessages(body, { silenceMs: 20 }))).toEqual([]);
    expect(isCancelled).toBe(true);
  });
});

function read(pieces: readonly Uint8Array[]): Promise<StreamMessage[]> {
  return collect(readMessages(ReadableStream.from(pieces), { silenceMs: 10_000 }));
}
