/** Maximum characters prepared at once for a client, beyond one item. A client that does not read buffers no more. */
const CHUNK_CHARACTERS = 32_768;

const HEARTBEAT = Buffer.from(': still here\n\n');

/** A part of a batch, as it goes to clients. */
interface Chunk {
  /** Clients share them: nobody may change them. */
  readonly bytes: Uint8Array;
  /** The number of items in it. */
  readonly count: number;
}

/** Batches that fit into one chunk, which is usual for a running run. Clients share them. */
const whole = new WeakMap<readonly unknown[], Chunk>();

/**
 * Formats the next items of a batch, as many as fit: once for all clients that get the same batch from its beginning.
 * An empty batch becomes a comment.
 */
export function toChunk<T>(batch: readonly T[], from: number, format: (item: T) => string): Chunk {
  if (batch.length === 0) return { bytes: HEARTBEAT, count: 0 };
  const known = from === 0 ? whole.get(batch) : undefined;
  if (known !== undefined) return known;
  let text = '';
  let next = from;
  while (next < batch.length && text.length < CHUNK_CHARACTERS) text += format(batch[next++]!);
  const chunk = { bytes: Buffer.from(text), count: next - from };
  if (chunk.count === batch.length) whole.set(batch, chunk);
  return chunk;
}
