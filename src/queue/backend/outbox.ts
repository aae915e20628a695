import { gather, type Gathered } from '../gather.ts';

/** Most wake-ups of one queue that are sent at once; the sweep replaces what is beyond. */
const MOST_SENT = 10_000;

/** Changes of the number of wake-ups that wait to be sent; a positive change sends some, a negative one removes some. */
export type Outbox = Gathered<number>;

interface OutboxOptions {
  readonly send: (queue: string, count: number) => Promise<void>;
  readonly discard: (queue: string, count: number) => Promise<void>;
  /** While it returns true, changes are dropped. */
  readonly isAway: () => boolean;
  /** Called when wake-ups were not sent. */
  readonly onLost: () => void;
}

export function createOutbox({ send, discard, isAway, onLost }: OutboxOptions): Outbox {
  return gather<number>({
    merge: (waiting, added) => waiting + added,
    async send(queue, sum) {
      const change = Math.max(-MOST_SENT, Math.min(MOST_SENT, sum));
      if (isAway() && change > 0) onLost();
      if (isAway() || change === 0) return;
      // The failure itself has been noted and logged.
      if (change > 0) await send(queue, change).catch(onLost);
      else await discard(queue, -change).catch(() => {});
    },
  });
}
