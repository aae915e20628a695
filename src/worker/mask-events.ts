import type { EventData, NewEvent } from '../core/events.ts';
import { maskSecretsIn } from '../core/mask-secrets.ts';
import { createStreamMask, type StreamMask } from '../core/stream-mask.ts';
import { splitText } from '../core/text.ts';

/** Characters of a delta that is passed on: more at once becomes several, so that none is large to write or to read. */
const MAX_DELTA_CHARACTERS = 16_000;

/** Passes an attempt's events on with all in them masked that looks like a key. */
export interface EventMask {
  add(event: NewEvent): void;
  /** Passes on what was held back of text that did not come to its end. */
  end(): void;
}

/**
 * Text that comes in pieces is held back by the word that has not ended: a key that is cut in two is masked all the same,
 * and what the pieces make together is what the whole block says, masked.
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
      // What is held back of it is of no more use than the rest.
      if (event.type === 'agent.text.abandoned') streams.delete(event.data.blockId);
      emit({ ...event, data: maskSecretsIn(event.data) } as NewEvent);
    },
    end() {
      for (const blockId of streams.keys()) endBlock(blockId);
    },
  };
}
