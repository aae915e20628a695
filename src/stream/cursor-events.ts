import type { RunEvent } from '../core/events.ts';
import type { EventHub } from './event-hub.ts';

/**
 * An event with the cursor after it: its `seq` when one run is followed, its position when many are. Without an event,
 * it only moves the cursor of a client.
 */
export interface CursorEvent {
  readonly cursor: number;
  readonly event: RunEvent | null;
}

/** The events for a client, over SSE or WebSocket: batches in order; an empty batch is a heartbeat. */
export type CursorEvents = AsyncGenerator<readonly CursorEvent[], void, void>;

/** Follows the events of one run. */
export async function* followRun(hub: EventHub, options: Parameters<EventHub['follow']>[0]): CursorEvents {
  for await (const events of hub.follow(options)) yield share(events, (event) => ({ cursor: event.seq, event }));
}

/** Follows the events of all runs that the viewer may see. First comes the cursor at which they begin. */
export async function* followVisible(hub: EventHub, options: Parameters<EventHub['followVisible']>[0]): CursorEvents {
  for await (const batch of hub.followVisible(options)) {
    if (batch === null) yield [];
    // Later as well, so that the cursor of a client that gets few events does not fall far behind.
    else if (batch.events.length === 0) yield [{ cursor: batch.cursor, event: null }];
    else yield share(batch.events, ({ position, event }) => ({ cursor: position, event }));
  }
}

const shared = new WeakMap<readonly object[], readonly CursorEvent[]>();

/** Converts a batch once for all clients at the same position, which share it. */
function share<T extends object>(
  events: readonly T[],
  toCursorEvent: (event: T) => CursorEvent,
): readonly CursorEvent[] {
  const known = shared.get(events);
  if (known !== undefined) return known;
  const batch = events.map(toCursorEvent);
  shared.set(events, batch);
  return batch;
}
