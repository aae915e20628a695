import type { WebhooksConfig } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import { readNow } from '../db/read-now.ts';
import { deliver } from './deliver.ts';
import { removeOldDeliveries, takeDue } from './due-deliveries.ts';
import type { PostEnvironment } from './post.ts';

/** Most attempts in progress at once in this process. */
const MOST_AT_ONCE = 64;

const REMOVE_EVERY_MS = 3_600_000;

export interface WebhooksOptions {
  readonly database: Database;
  readonly config: WebhooksConfig;
  readonly log: Logger;
  /** The clock of deliveries. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** Poll interval in ms, in addition to notifications. Defaults to 5,000. */
  readonly tickMs?: number;
  /** Resolution of addresses and validation of certificates. Defaults to Node's. */
  readonly environment?: PostEnvironment;
}

/** The delivery of webhooks in this process. */
export interface Webhooks {
  /** Polls for due deliveries now. */
  wake(): void;
  /** Stops deliveries. Attempts in progress are left to another server. */
  stop(): Promise<void>;
}

/**
 * Starts to deliver webhooks. Any number of servers may do it at once: one of them makes each delivery. Never throws
 * into the process, and continues when an unavailable database is available again.
 */
export async function startWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { database, config, log, clock, tickMs = 5_000, environment = {} } = options;
  const readTime = async () => clock?.() ?? readNow(database);
  const leaving = new AbortController();
  /** Attempts in progress, with the API key of each. */
  const underWay = new Map<Promise<void>, string>();
  let looking: Promise<void> | null = null;
  let isAskedAgain = false;
  let isFailing = false;

  async function look(): Promise<void> {
    do {
      isAskedAgain = false;
      const now = await readTime();
      const free = MOST_AT_ONCE - underWay.size;
      if (free === 0 || leaving.signal.aborted) return;
      for (const delivery of await takeDue(database, { now, free, underWay: underWay.values() })) {
        const attempt = deliver(delivery, {
          database,
          config,
          environment,
          readNow: readTime,
          leaving: leaving.signal,
          onGivenUp: (facts) => log.warn(facts, 'a webhook was not delivered and was given up'),
        })
          // Not recorded: the delivery is claimed again when its claim expires.
          .catch((err: unknown) =>
            log.warn({ err, deliveryId: delivery.id }, 'the result of a webhook delivery was not recorded'),
          )
          .finally(() => {
            underWay.delete(attempt);
            wake();
          });
        underWay.set(attempt, delivery.keyId);
      }
    } while (isAskedAgain);
  }

  function wake(): void {
    if (leaving.signal.aborted) return;
    isAskedAgain = true;
    looking ??= look()
      .then(
        () => {
          isFailing = false;
        },
        (err: unknown) => {
          // Logged once, not every few seconds while the database is unavailable.
          if (!isFailing) log.warn({ err }, `webhooks are delayed: ${toMessage(err)}`);
          isFailing = true;
          isAskedAgain = false;
        },
      )
      .finally(() => {
        looking = null;
        if (isAskedAgain) wake();
      });
  }

  const stopListening = await database.listen(CHANNELS.webhooks, wake, wake);
  const timer = repeat(tickMs, wake);
  const stopRemoving = every({
    intervalMs: REMOVE_EVERY_MS,
    task: () => removeOldDeliveries(database),
    onError: (err) => log.warn({ err }, 'old deliveries of webhooks were not deleted; the next try will delete them'),
  });
  wake();

  return {
    wake,
    async stop() {
      clearInterval(timer);
      leaving.abort();
      await stopListening();
      await looking;
      await Promise.all(underWay.keys());
      await stopRemoving();
    },
  };
}
