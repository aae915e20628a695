import type { Readable } from 'node:stream';
import { pipeline, Transform } from 'node:stream';
import type { EventStreamCodec } from '@smithy/core/event-streams';
import { toBedrockException } from './bedrock-error.ts';
import { parseAnswer, toErrorBody } from './cloud-answer.ts';

/** Maximum size of a message in AWS's event streams; a greater length is invalid. */
const MAX_MESSAGE_BYTES = 24 * 1024 * 1024;

const LENGTH_BYTES = 4;

/**
 * Converts a Bedrock answer to server-sent events of the Messages API. The stream fails when the answer breaks off
 * within a message, or a message's checksum is wrong. An exception within the answer becomes an `error` event, and ends
 * the stream.
 */
export async function createBedrockStream(answer: Readable): Promise<Readable> {
  // Loaded with the first call, so that workers with other providers do not load it.
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
  // The reader of the events receives an error.
  pipeline(answer, events, () => undefined);
  return events;
}

/** Splits off the whole messages at the start of `bytes`; each begins with its length. */
function cut(bytes: Buffer): { messages: Buffer[]; left: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= LENGTH_BYTES) {
    const length = bytes.readUInt32BE(at);
    if (length < 16 || length > MAX_MESSAGE_BYTES)
      throw new Error('The event stream contains a message of an impossible length.');
    if (bytes.length - at < length) break;
    messages.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { messages, left: bytes.subarray(at) };
}

/** Converts a message to an event, or returns null for a message that is of no use here. */
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
    message: typeof words === 'string' ? words : read(':error-message') || 'Amazon Bedrock interrupted its answer.',
    status: 500,
    body: exception,
  });
  return { text: toEvent('error', toErrorBody(error)), isLast: true };
}

function toEvent(type: string, data: string): string {
  return `event: ${type}\ndata: ${data}\n\n`;
}
