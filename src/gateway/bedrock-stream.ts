import type { Readable } from 'node:stream';
import { pipeline, Transform } from 'node:stream';
import type { EventStreamCodec } from '@smithy/core/event-streams';
import { toBedrockException } from './bedrock-error.ts';
import { parseAnswer, toErrorBody } from './cloud-answer.ts';

/** The most a message of AWS's event streams may hold; a length beyond it is no length. */
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024;

const LENGTH_BYTES = 4;

/**
 * An answer of Bedrock's as server-sent events of the Messages API. It fails when the answer breaks off within a
 * message, or a message's checksum is wrong; an exception within it is an `error` event, and the end.
 */
export async function createBedrockStream(answer: Readable): Promise<Readable> {
  // Loaded with the first call: whoever has another provider pays nothing for it.
  const { EventStreamCodec } = await import('@smithy/core/event-streams');
  const codec = new EventStreamCodec(
    (bytes) => Buffer.from(bytes as Uint8Array).toString('utf8'),
    (text) => Buffer.from(text, 'utf8'),
  );
  let rest: Buffer = Buffer.alloc(0);
  let isOver = false;
  const events = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        const { messages, left } = cut(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
        rest = left;
        for (const message of messages) {
          if (isOver) break;
          const event = decode(codec, message);
          if (event === null) continue;
          isOver = event.isLast;
          this.push(event.text);
        }
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      done(rest.length === 0 ? null : new Error('The event stream ended within a message.'));
    },
  });
  // An error reaches whoever reads the events.
  pipeline(answer, events, () => undefined);
  return events;
}

/** The whole messages at the start of `bytes`, each of which begins with its own length. */
function cut(bytes: Buffer): { messages: Buffer[]; left: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= LENGTH_BYTES) {
    const length = bytes.readUInt32BE(at);
    if (length < 16 || length > MAX_MESSAGE_BYTES) throw new Error('The event stream holds no such message.');
    if (bytes.length - at < length) break;
    messages.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { messages, left: bytes.subarray(at) };
}

/** What a message stands for, or null for one that says nothing to us. */
function decode(codec: EventStreamCodec, message: Buffer): { text: string; isLast: boolean } | null {
  const { headers, body } = codec.decode(message);
  const read = (name: string): string => String(headers[name]?.value ?? '');
  const json = Buffer.from(body).toString('utf8');
  if (read(':message-type') === 'event') {
    const { bytes } = parseAnswer(json);
    if (read(':event-type') !== 'chunk' || typeof bytes !== 'string') return null;
    const data = Buffer.from(bytes, 'base64').toString('utf8');
    const { type } = parseAnswer(data);
    return { text: toEvent(typeof type === 'string' ? type : 'message', data), isLast: type === 'error' };
  }
  const exception = parseAnswer(json);
  const words = exception['message'];
  const error = toBedrockException({
    name: read(':exception-type') || read(':error-code'),
    message: typeof words === 'string' ? words : read(':error-message') || 'Amazon Bedrock broke off its answer.',
    status: 500,
    body: exception,
  });
  return { text: toEvent('error', toErrorBody(error)), isLast: true };
}

function toEvent(type: string, data: string): string {
  return `event: ${type}\ndata: ${data}\n\n`;
}
