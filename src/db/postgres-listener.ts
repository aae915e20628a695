import type pg from 'pg';
import { guarded } from '../core/guard.ts';
import { after, repeat } from '../core/timers.ts';
import type { Database } from './database.ts';

interface ListenerOptions {
  /** Creates a new, unconnected client. */
  readonly connect: () => pg.Client;
  /** Prepares a connected client. Rejects when no notifications would arrive on it: a standby has none. */
  readonly prepare: (client: pg.Client) => Promise<void>;
  readonly onError?: (error: Error) => void;
}

interface Subscription {
  readonly channel: string;
  readonly onPayload: (payload: string) => void;
  readonly onReconnect: (() => void) | undefined;
}

/** Interval at which the connection is tested, and time it may take to answer: no other queries use it. */
const TRY_EVERY_MS = 10_000;
const TRY_TIMEOUT_MS = 5_000;

const RECONNECT_DELAYS_MS = [50, 250, 1_000, 2_000];

/**
 * Listens on all channels over one separate connection and keeps it open: reopens a lost connection, and notifies every
 * subscriber that it may have missed notifications.
 */
export function createPostgresListener({ connect, prepare, onError }: ListenerOptions) {
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
      opened.end().catch(() => {}); // Already broken: its end tells nothing new.
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
    try {
      await opened.connect();
      await prepare(opened);
      for (const channel of new Set([...subscriptions].map((subscription) => subscription.channel))) {
        await opened.query(`listen ${channel}`);
      }
    } catch (error) {
      isLost = true; // The caller that wanted the connection gets this error.
      opened.end().catch(() => {});
      throw error;
    }
    client = opened;
    const trial = repeat(TRY_EVERY_MS, () => {
      const timer = after(TRY_TIMEOUT_MS, () => onLost(new Error('The listening connection does not answer.')));
      // A server that has become a standby does not receive the notifications of the new primary.
      const asked = opened.query<{ transaction_read_only: string }>('show transaction_read_only');
      asked
        .then(
          ({ rows }) => {
            if (rows[0]?.transaction_read_only === 'on')
              onLost(new Error('The listening connection is to a server that takes no writes.'));
          },
          () => {}, // The `end` event reports a lost connection.
        )
        .finally(() => clearTimeout(timer));
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
    // A subscriber that throws does not keep the others from being notified.
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
    /** False while the connection is lost or not yet open. */
    get isConnected() {
      return client !== null;
    },
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
