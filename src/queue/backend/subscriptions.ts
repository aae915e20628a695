import { inBackground } from '../../core/guard.ts';
import type { Subscription, WakeUpListener } from '../notifier.ts';
import type { Availability } from './availability.ts';
import type { WakeUpBackend } from './backend.ts';
import type { HeldWakeUps } from './held-wake-ups.ts';
import { startReceiveLoop, type ReceiveLoop } from './receive-loop.ts';

interface SubscriptionsOptions {
  readonly backend: Pick<WakeUpBackend, 'divide' | 'openReceiver'>;
  readonly availability: Availability;
  readonly held: HeldWakeUps;
}

/** The workers of this process that receive wake-ups. */
export interface Subscriptions {
  add(listener: WakeUpListener): Subscription;
  /** Reports that the backend answers again, and that wake-ups may have been lost. */
  noteGap(): void;
  /** Stops all of them, and waits until their connections are closed. */
  stop(): Promise<void>;
}

export function createSubscriptions({ backend, availability, held }: SubscriptionsOptions): Subscriptions {
  const listeners = new Set<WakeUpListener>();
  const loops = new Set<ReceiveLoop>();

  function startLoop(queues: readonly string[], listener: WakeUpListener): ReceiveLoop {
    const loop = startReceiveLoop({ queues, listener, receiver: backend.openReceiver(), availability, held });
    loops.add(loop);
    inBackground(() => loop.ended.then(() => loops.delete(loop)));
    return loop;
  }

  return {
    add(listener) {
      const own = backend.divide(listener.queues).map((queues) => startLoop(queues, listener));
      listeners.add(listener);
      return {
        wake() {
          for (const loop of own) loop.wake();
        },
        async stop() {
          listeners.delete(listener);
          await Promise.all(own.map((loop) => loop.stop()));
        },
      };
    },
    noteGap() {
      for (const loop of loops) loop.wake();
      for (const listener of listeners) listener.onGap();
    },
    async stop() {
      await Promise.all([...loops].map((loop) => loop.stop()));
      await Promise.all([...loops].map((loop) => loop.ended));
    },
  };
}
