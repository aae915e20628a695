import { createEventStreamParser, type StreamMessage } from './event-stream.ts';

interface ReadOptions {
  /** Maximum time without any bytes. */
  readonly silenceMs: number;
  /** Ends the reading at once. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each piece, with the last id so far, which may be the empty text. */
  readonly onSign?: ((lastId: string) => void) | undefined;
}

/**
 * Yields the messages of an event stream's body as they arrive. Ends when the body ends, breaks, or has brought nothing
 * at all, not even a heartbeat, for `silenceMs`: in each case no more will arrive over this connection. Returns whether
 * the body ended: its sender had no more to send.
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
    // Also when the consumer leaves early. A broken body has nothing left to be cancelled.
    await reader.cancel().catch(() => {});
  }
}

/** Returns the next piece of the body, or the reason why there is none. */
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
