import { createEventStreamParser, type StreamMessage } from './event-stream.ts';

interface ReadOptions {
  /** For how long nothing at all may come. */
  readonly silenceMs: number;
  /** Ends it at once. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each piece that came, with the last id by then, which may be the empty text. */
  readonly onSign?: ((lastId: string) => void) | undefined;
}

/**
 * The messages of an event stream's body as they come. Ends when the body does, breaks, or has brought nothing
 * at all, not even a sign of life, for `silenceMs`: all three mean that no more will come over this connection. Returns
 * whether it was the first: that its sender had no more to say.
 */
export async function* readMessages(
  body: ReadableStream<Uint8Array>,
  { silenceMs, signal, onSign }: ReadOptions,
): AsyncGenerator<StreamMessage, boolean, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = createEventStreamParser();
  try {
    for (;;) {
      const piece = await readWithin(reader, { silenceMs, signal });
      if (piece === 'end') return true;
      if (piece === 'broken') return false;
      yield* parser.push(decoder.decode(piece, { stream: true }));
      onSign?.(parser.lastId);
    }
  } finally {
    // Also when the consumer leaves early. A body that broke has nothing left to be cancelled.
    await reader.cancel().catch(() => {});
  }
}

/** The next piece of the body, or why there will be none. */
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { silenceMs, signal }: Pick<ReadOptions, 'silenceMs' | 'signal'>,
): Promise<Uint8Array | 'end' | 'broken'> {
  const { promise: given, resolve } = Promise.withResolvers<'broken'>();
  const giveUp = () => resolve('broken');
  const timer = setTimeout(giveUp, silenceMs);
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  try {
    const read = reader.read().then(
      ({ done, value }) => (done ? 'end' : value),
      () => 'broken' as const,
    );
    return await Promise.race([read, given]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}
