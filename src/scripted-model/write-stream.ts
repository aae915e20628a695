import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamStep } from './message.ts';

/** Events without a pause between them are written together, up to this many characters. */
const BATCH_LENGTH = 16_384;

interface Target {
  readonly target: Writable;
  /** Aborts when the reader is gone; the writing then ends at once, by throwing. */
  readonly signal: AbortSignal;
}

/** Writes server-sent events when they are due, never faster than the reader reads them. */
export async function writeSteps(steps: Iterable<StreamStep>, { target, signal }: Target): Promise<void> {
  let batch = '';
  for (const { delayMs, event } of steps) {
    if (delayMs > 0 || batch.length >= BATCH_LENGTH) {
      await writeBatch(batch, { target, signal });
      batch = '';
    }
    if (delayMs > 0) await sleep(delayMs, undefined, { signal });
    batch += toFrame(event);
  }
  await writeBatch(batch, { target, signal });
}

async function writeBatch(batch: string, { target, signal }: Target): Promise<void> {
  signal.throwIfAborted();
  if (batch !== '' && !target.write(batch)) await once(target, 'drain', { signal });
}

/** Formats an event as a server-sent event; its name is its type, as in the API. */
function toFrame(event: StreamStep['event']): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
