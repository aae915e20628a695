import type { IncomingMessage } from 'node:http';
import { inBackground } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { ByteClaim } from './byte-budget.ts';

/** Twice the maximum of Anthropic's API. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

interface ReceiveOptions {
  /** Raised before anything is read, or with each chunk when the size was not announced. */
  readonly claim: ByteClaim;
  /** Milliseconds within which the whole body must arrive: until then it takes memory from other requests. */
  readonly timeoutMs: number;
}

/** Receives a whole body, or returns the reason why not. Rejects when the sender goes away. */
export async function receiveBody(
  request: IncomingMessage,
  { claim, timeoutMs }: ReceiveOptions,
): Promise<Buffer | 'tooLarge' | 'tooMuchHeld' | 'tooSlow'> {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > MAX_BODY_BYTES) return 'tooLarge';
  if (!claim.raiseTo(announcedBytes)) return 'tooMuchHeld';
  const late = Promise.withResolvers<'late'>();
  const timer = after(timeoutMs, () => late.resolve('late'));
  // Not destroyed on return: the refusal still has to be sent on this connection.
  const arriving = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for (;;) {
      const next = await Promise.race([arriving.next(), late.promise]);
      if (next === 'late') return 'tooSlow';
      if (next.done === true) return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
      size += next.value.length;
      if (size > MAX_BODY_BYTES) return 'tooLarge';
      if (!claim.raiseTo(size)) return 'tooMuchHeld';
      chunks.push(next.value);
    }
  } finally {
    clearTimeout(timer);
    // Not awaited: it waits for a chunk that is still to come.
    inBackground(() => arriving.return?.());
  }
}
