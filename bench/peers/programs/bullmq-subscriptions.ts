import type { Redis } from 'ioredis';
import { channelOf } from './bullmq-queue.ts';
import type { RunEvent } from './event-stream.ts';

type Hear = (event: RunEvent) => void;

export interface Subscriptions {
  /** Calls `hear` with the events of a run from now on; resolves once Redis has confirmed it. */
  subscribe(runId: string, hear: Hear): Promise<() => void>;
  /** Passes an event to the subscribers of a run in this process. */
  deliver(runId: string, event: RunEvent): void;
  close(): void;
}

/** Shares one connection to Redis among all subscribers of this process. */
export function createSubscriptions(redis: Redis): Subscriptions {
  const subscribers = new Map<string, Set<Hear>>();
  const deliver = (channel: string, event: RunEvent) => {
    for (const hear of subscribers.get(channel) ?? []) hear(event);
  };
  redis.on('message', (channel: string, message: string) => deliver(channel, JSON.parse(message) as RunEvent));
  redis.on('error', (error) => console.error(error));
  return {
    async subscribe(runId, hear) {
      const channel = channelOf(runId);
      const ofRun = subscribers.get(channel) ?? new Set();
      subscribers.set(channel, ofRun.add(hear));
      // Repeated for each subscriber: its answer shows that the channel is open, although another subscriber asked first.
      await redis.subscribe(channel);
      return () => {
        ofRun.delete(hear);
        if (ofRun.size > 0 || subscribers.get(channel) !== ofRun) return;
        subscribers.delete(channel);
        redis.unsubscribe(channel).catch((error: unknown) => console.error(error));
      };
    },
    deliver: (runId, event) => deliver(channelOf(runId), event),
    close: () => redis.disconnect(),
  };
}
