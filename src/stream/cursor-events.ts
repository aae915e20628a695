import type { RunEvent } from '../core/events.ts';
import type { EventHub } from './event-hub.ts';

/**
 * An event with the cursor that stands behind it: its `seq` where one run is followed, its position where many are.
 * Without an event it only says where a reader stands.
 */
export interface CursorEvent {
  readonly cursor: number;
  readonly event: RunEvent | null;
}

/** What readers are sent, whatever they follow and over whatever: batches in order; an empty one is a sign of life. */
export type CursorEvents = AsyncGenerator<readonly CursorEvent[], void, void>;

/** The events of one run. */
export async function* followRun(hub: EventHub, options: Parameters<EventHub['follow']>[0]): CursorEvents {
  for await (const events of hub.follow(options)) yield share(events, (event) => ({ cursor: event.seq, event }));
}

/** The events of all runs that somebody may see, behind the cursor at which they begin. */
export async function* followVisible(hub: EventHub, options: Parameters<EventHub['followVisible']>[0]): CursorEvents {
  for await (const batch of hub.followVisible(options)) {
    if (batch === null) yield [];
    // Also later on: the cursor of a reader that gets few events does not fall far behind.
    else if (batch.events.length === 0) yield [{ cursor: batch.cursor, event: null }];
    else yield share(batch.events, ({ position, event }) => ({ cursor: position, event }));
  }
}

const shared = new WeakMap<readonly object[], readonly CursorEvent[]>();

/** Readers who stand at the same place are given one batch: what is made of it is made once for all of them. */
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
