import type pg from 'pg';
import { guarded } from '../core/guard.ts';
import { after, repeat } from '../core/timers.ts';
import type { Database } from './database.ts';

interface ListenerOptions {
  /** A new, unconnected client. */
  readonly connect: () => pg.Client;
  readonly onError?: (error: Error) => void;
}

interface Subscription {
  readonly channel: string;
  readonly onPayload: (payload: string) => void;
  readonly onReconnect: (() => void) | undefined;
}

/** How often the connection is tried, and how long it may take to answer: nothing else is ever sent over it. */
const TRY_EVERY_MS = 10_000;
const TRY_TIMEOUT_MS = 5_000;

const RECONNECT_DELAYS_MS = [50, 250, 1_000, 2_000];

/**
 * Listens on all channels over one connection of its own, and keeps it: a lost connection is made anew,
 * and every subscriber is told that it may have missed something.
 */
export function createPostgresListener({ connect, onError }: ListenerOptions) {
  const subscriptions = new Set<Subscription>();
  let client: pg.Client | null = null;
  let connecting: Promise<pg.Client> | null = null;
  let retryTimer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let stopTrial = () => {};

  async function open(): Promise<pg.Client> {
    const opened = connect();
    let isLost = false;
    const onLost = guarded((error?: Error) => {
      if (isLost) return;
      isLost = true;
      if (error) onError?.(error);
      if (client === opened) {
        client = null;
        stopTrial();
      }
      opened.end().catch(() => {}); // Already broken: nothing to learn from how it ends.
      if (!isClosed && subscriptions.size > 0) reconnect(0);
    });
    const onEnd = guarded(() => onLost());
    opened.on('error', onLost);
    opened.on('end', onEnd);
    const onNotification = guarded(({ channel, payload }: pg.Notification) => {
      for (const subscription of subscriptions) {
        if (subscription.channel === channel) subscription.onPayload(payload ?? '');
      }
    });
    opened.on('notification', onNotification);
    await opened.connect();
    for (const channel of new Set([...subscriptions].map((subscription) => subscription.channel))) {
      await opened.query(`listen ${channel}`);
    }
    client = opened;
    const trial = repeat(TRY_EVERY_MS, () => {
      const timer = after(TRY_TIMEOUT_MS, () => onLost(new Error('The listening connection does not answer.')));
      opened.query('select 1').then(
        () => clearTimeout(timer),
        () => clearTimeout(timer), // Its end is heard by itself.
      );
    });
    stopTrial = () => clearInterval(trial);
    return opened;
  }

  function reconnect(tries: number): void {
    clearTimeout(retryTimer);
    retryTimer = after(RECONNECT_DELAYS_MS[Math.min(tries, RECONNECT_DELAYS_MS.length - 1)] ?? 0, async () => {
      if (isClosed) return;
      try {
        await connected();
      } catch (error) {
        onError?.(error as Error);
        reconnect(tries + 1);
        return;
      }
      for (const subscription of subscriptions) subscription.onReconnect?.();
    });
  }

  function connected(): Promise<pg.Client> {
    if (client) return Promise.resolve(client);
    connecting ??= open().finally(() => {
      connecting = null;
    });
    return connecting;
  }

  const listen: Database['listen'] = async (channel, onPayload, onReconnect) => {
    // One that fails does not keep the others from hearing.
    const subscription: Subscription = {
      channel,
      onPayload: guarded(onPayload),
      onReconnect: onReconnect && guarded(onReconnect),
    };
    subscriptions.add(subscription);
    await (await connected()).query(`listen ${channel}`);
    return async () => {
      subscriptions.delete(subscription);
      const isStillWanted = [...subscriptions].some((other) => other.channel === channel);
      if (!isStillWanted && client) await client.query(`unlisten ${channel}`).catch(() => {}); // A lost connection listens to nothing.
    };
  };

  return {
    listen,
    async close() {
      isClosed = true;
      stopTrial();
      clearTimeout(retryTimer);
      subscriptions.clear();
      await connecting?.catch(() => {});
      await client?.end();
    },
  };
}
