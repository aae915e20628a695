import { after } from '../../core/timers.ts';
import type { WakeUpListener } from '../notifier.ts';
import type { Availability } from './availability.ts';
import type { Delivery, Receiver } from './backend.ts';
import type { HeldWakeUps } from './held-wake-ups.ts';

/** Interval at which the room is read without a reason, and after a failure, in ms. */
const RETRY_MS = 2_000;

interface LoopOptions {
  readonly queues: readonly string[];
  readonly listener: Pick<WakeUpListener, 'room' | 'onWakeUp'>;
  readonly receiver: Receiver;
  readonly availability: Availability;
  readonly held: HeldWakeUps;
}

/** Receives wake-ups of some queues while the worker has room, one delivery at a time. */
export interface ReceiveLoop {
  /** Reports that there may be more room, or that the backend answers again. */
  wake(): void;
  /** Stops. Resolves when the delivery in progress is settled; a later one is given back. */
  stop(): Promise<void>;
  /** Resolves when the connections are closed, which a wait in progress delays. */
  readonly ended: Promise<void>;
}

export function startReceiveLoop(options: LoopOptions): ReceiveLoop {
  const { queues, listener, receiver, availability, held } = options;
  let isStopped = false;
  let turn = 0;
  /** The queues that are being asked for; null while nothing is asked. */
  let asked: ReadonlySet<string> | null = null;
  let handing: Promise<void> = Promise.resolve();
  let wakeUp = () => {};

  /** The queues with room, each of them first in its turn: a backend serves the first that has a wake-up. */
  function findOpen() {
    turn = (turn + 1) % queues.length;
    return [...queues.slice(turn), ...queues.slice(0, turn)]
      .map((queue) => ({ queue, room: listener.room(queue) }))
      .filter(({ room }) => room > 0);
  }

  function changed(): Promise<void> {
    return new Promise((resolve) => {
      const timer = after(RETRY_MS, resolve);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function hand({ queue, count, accept, giveBack }: Delivery): Promise<void> {
    held.add(queue, count);
    const wake = { queue, runIds: [], dueInMs: 0, addressee: 'this' as const };
    const isUsed = !isStopped && (await listener.onWakeUp(wake));
    held.remove(queue, count);
    // After a failure the backend delivers it again, or the sweep replaces it.
    await availability.watch(isUsed ? accept : giveBack).catch(() => {});
  }

  async function receive(): Promise<void> {
    while (!isStopped) {
      const open = findOpen();
      if (open.length === 0 || availability.isAway) {
        await changed();
        continue;
      }
      asked = new Set(open.map(({ queue }) => queue));
      const received = await availability.watch(() => receiver.receive(open)).catch(() => 'failed' as const);
      asked = null;
      if (received === 'failed') {
        if (!isStopped) await changed();
      } else if (received !== null) {
        handing = hand(received);
        await handing;
      }
    }
    await receiver.close();
  }

  return {
    wake() {
      if (asked === null) wakeUp();
      else if (queues.some((queue) => !asked?.has(queue) && listener.room(queue) > 0)) receiver.interrupt();
    },
    async stop() {
      isStopped = true;
      wakeUp();
      receiver.interrupt();
      await handing;
    },
    ended: receive(),
  };
}
