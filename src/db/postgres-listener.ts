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
export class PostgresListener {
  readonly #options: ListenerOptions;
  readonly #subscriptions = new Set<Subscription>();
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;
  #retryTimer: NodeJS.Timeout | undefined;
  #trial: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  readonly listen: Database['listen'] = async (channel, onPayload, onReconnect) => {
    // A subscriber that throws does not keep the others from being notified.
    const subscription: Subscription = {
      channel,
      onPayload: guarded(onPayload),
      onReconnect: onReconnect && guarded(onReconnect),
    };
    this.#subscriptions.add(subscription);
    await (await this.#connected()).query(`listen ${channel}`);
    return async () => {
      this.#subscriptions.delete(subscription);
      const isStillWanted = [...this.#subscriptions].some((other) => other.channel === channel);
      // A lost connection listens to nothing.
      if (!isStillWanted) await this.#client?.query(`unlisten ${channel}`).catch(() => {});
    };
  };

  /** False while the connection is lost or not yet open. */
  get isConnected(): boolean {
    return this.#client !== null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#trial);
    clearTimeout(this.#retryTimer);
    this.#subscriptions.clear();
    await this.#connecting?.catch(() => {});
    await this.#client?.end();
  }

  #connected(): Promise<pg.Client> {
    if (this.#client) return Promise.resolve(this.#client);
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #open(): Promise<pg.Client> {
    const opened = this.#options.connect();
    const fate = { isLost: false };
    const onLost = guarded((error?: Error) => this.#lose(opened, fate, error));
    opened.on('error', onLost);
    const onEnd = guarded(() => onLost());
    opened.on('end', onEnd);
    const onNotification = guarded((notification: pg.Notification) => this.#deliver(notification));
    opened.on('notification', onNotification);
    try {
      await opened.connect();
      await this.#options.prepare(opened);
      for (const channel of new Set([...this.#subscriptions].map((subscription) => subscription.channel))) {
        await opened.query(`listen ${channel}`);
      }
    } catch (error) {
      // The caller that wanted the connection gets this error.
      opened
        .off('error', onLost)
        .off('end', onEnd)
        .on('error', () => {});
      opened.end().catch(() => {});
      throw error;
    }
    this.#client = opened;
    this.#trial = repeat(TRY_EVERY_MS, () => tryOut(opened, onLost));
    return opened;
  }

  /** Notes that a connection is lost, once, and opens another one. */
  #lose(opened: pg.Client, fate: { isLost: boolean }, error?: Error): void {
    if (fate.isLost) return;
    fate.isLost = true;
    if (error) this.#options.onError?.(error);
    if (this.#client === opened) {
      this.#client = null;
      clearInterval(this.#trial);
    }
    opened.end().catch(() => {}); // Already broken: its end tells nothing new.
    if (!this.#isClosed && this.#subscriptions.size > 0) this.#reconnect(0);
  }

  #deliver({ channel, payload }: pg.Notification): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.channel === channel) subscription.onPayload(payload ?? '');
    }
  }

  #reconnect(tries: number): void {
    clearTimeout(this.#retryTimer);
    const delayMs = RECONNECT_DELAYS_MS[Math.min(tries, RECONNECT_DELAYS_MS.length - 1)] ?? 0;
    this.#retryTimer = after(delayMs, async () => {
      if (this.#isClosed) return;
      try {
        await this.#connected();
      } catch (error) {
        this.#options.onError?.(error as Error);
        this.#reconnect(tries + 1);
        return;
      }
      for (const subscription of this.#subscriptions) subscription.onReconnect?.();
    });
  }
}

/** Tests a connection: the server answers in time, and takes writes. */
function tryOut(client: pg.Client, onLost: (error: Error) => void): void {
  const timer = after(TRY_TIMEOUT_MS, () => onLost(new Error('The listening connection does not answer.')));
  // A server that has become a standby does not receive the notifications of the new primary.
  const asked = client.query<{ transaction_read_only: string }>('show transaction_read_only');
  asked
    .then(
      ({ rows }) => {
        if (rows[0]?.transaction_read_only === 'on') {
          onLost(new Error('The listening connection is to a server that takes no writes.'));
        }
      },
      () => {}, // The `end` event reports a lost connection.
    )
    .finally(() => clearTimeout(timer));
}
