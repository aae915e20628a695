import { createEventStreamParser, type StreamMessage } from './event-stream.ts';

/**
 * The messages of an event stream's body as they come. Ends when the body does, breaks, or has brought nothing
 * at all, not even a sign of life, for `silenceMs`: all three mean that no more will come over this connection.
 */
export async function* readMessages(
  body: ReadableStream<Uint8Array>,
  { silenceMs }: { silenceMs: number },
): AsyncGenerator<StreamMessage, void, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = createEventStreamParser();
  try {
    for (;;) {
      const piece = await readWithin(reader, silenceMs);
      if (piece === null) return;
      yield* parser.push(decoder.decode(piece, { stream: true }));
    }
  } finally {
    // Also when the consumer leaves early. A body that broke has nothing left to be cancelled.
    await reader.cancel().catch(() => {});
  }
}

/** The next piece of the body, or null when there will be none. */
async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, silenceMs: number) {
  const { promise: silence, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), silenceMs);
  try {
    const read = reader.read().then(
      ({ done, value }) => (done ? null : value),
      () => null,
    );
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
