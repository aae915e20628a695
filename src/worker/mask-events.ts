import type { EventData, NewEvent } from '../core/events.ts';
import { maskSecretsIn } from '../core/mask-secrets.ts';
import { createStreamMask, type StreamMask } from '../core/stream-mask.ts';
import { splitText } from '../core/text.ts';

/**
 * Characters of an emitted delta. More text at once becomes several deltas, so that none is large to write or to read.
 */
const MAX_DELTA_CHARACTERS = 16_000;

/** Masks everything in an attempt's events that looks like a key, and passes the events on. */
export interface EventMask {
  add(event: NewEvent): void;
  /** Passes on the text of blocks that did not end. */
  end(): void;
}

/**
 * Creates a mask. Of text that arrives in pieces, it keeps back the word that has not ended: a key that is cut in two
 * is masked too, and the pieces together equal the masked text of the whole block.
 */
export function createEventMask(emit: (event: NewEvent) => void): EventMask {
  const streams = new Map<string, { mask: StreamMask; data: EventData['agent.text.delta'] }>();

  function endBlock(blockId: string): void {
    const stream = streams.get(blockId);
    if (stream === undefined) return;
    streams.delete(blockId);
    emitDelta({ ...stream.data, text: stream.mask.end() });
  }

  function emitDelta(data: EventData['agent.text.delta']): void {
    if (data.text === '') return;
    for (const text of splitText(data.text, MAX_DELTA_CHARACTERS)) {
      emit({ type: 'agent.text.delta', data: { ...data, text } });
    }
  }

  return {
    add(event) {
      if (event.type === 'agent.text.delta') {
        const { data } = event;
        const stream = streams.get(data.blockId) ?? { mask: createStreamMask(), data };
        streams.set(data.blockId, stream);
        emitDelta({ ...data, text: stream.mask.push(data.text) });
        return;
      }
      if (event.type === 'agent.text') endBlock(event.data.blockId);
      // The text that is kept back is abandoned together with the block.
      if (event.type === 'agent.text.abandoned') streams.delete(event.data.blockId);
      emit({ ...event, data: maskSecretsIn(event.data) } as NewEvent);
    },
    end() {
      for (const blockId of streams.keys()) endBlock(blockId);
    },
  };
}
