import type { Config } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import { readNow } from '../db/read-now.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import type { Queue } from '../queue/queue.ts';
import type { Channel } from './channels/channel.ts';
import { openChannel } from './channels/open-channel.ts';
import { deliverDue } from './deliver.ts';
import { evaluateRules } from './evaluate.ts';
import { createAlertFacts } from './facts.ts';
import { removeOldAlerts } from './remove-old-alerts.ts';

export interface AlertsOptions {
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly log: Logger;
  /** Clock of rules and deliveries. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** Milliseconds between checks for due work. Defaults to 5,000. */
  readonly tickMs?: number;
  /**
   * Milliseconds between evaluations of each rule, by whichever server comes first. If this is shorter than an
   * evaluation takes, servers end each other's turns and find nothing. Defaults to 60,000.
   */
  readonly everyMs?: number;
  /**
   * Milliseconds without evaluations after the database was away: workers that could not reach it either must send a
   * heartbeat first. Defaults to 30,000.
   */
  readonly graceMs?: number;
}

const REMOVE_EVERY_MS = 3_600_000;

/**
 * Starts to evaluate the alert rules and to deliver their alerts. Any number of servers may do this at once: each rule
 * is evaluated by one of them, and each delivery made by one. Returns a function that stops it. Never throws into the
 * process, and resumes when a database that was away is back.
 */
export function startAlerts(options: AlertsOptions): () => Promise<void> {
  const { config, database, queue, log, clock, tickMs = 5_000, everyMs = 60_000, graceMs = 30_000 } = options;
  const readTime = async () => clock?.() ?? readNow(database);
  const { alerts } = config;
  const facts = createAlertFacts({ config, database, queue });
  const leaving = new AbortController();
  let judgesAgainAt = 0;
  /** Time of the last failure since a task succeeded that began after it (monotonic); null when there is none. */
  let failedAt: number | null = null;

  async function evaluate(): Promise<void> {
    const onError = (err: unknown, rule: string) => log.error({ err, rule }, 'An alert rule could not be evaluated.');
    await evaluateRules({ database, facts, alerts, now: await readTime(), everyMs, onError });
  }

  function deliver(channel: Channel): Promise<void> {
    return deliverDue(database, {
      channel,
      readNow: readTime,
      signal: leaving.signal,
      onFailure: ({ id, attempts, reason, isLast }) => {
        const facts = { deliveryId: id, channel: channel.name, attempts, reason };
        if (isLast) log.error(facts, 'An alert was not delivered within a day and was given up.');
        else log.warn(facts, 'An alert could not be delivered; the delivery is retried.');
      },
    });
  }

  async function remove(): Promise<void> {
    const count = await removeOldAlerts(database, await readTime());
    if (count > 0) log.info({ count }, 'Deleted alerts that were resolved more than 90 days ago.');
  }

  const deliveries = alerts.channels.map((channel) => {
    const opened = openChannel(channel, log);
    return createTask(() => deliver(opened));
  });
  const deliverAll = () => deliveries.forEach((delivery) => delivery.run());
  const evaluation = createTask(() => evaluate().finally(deliverAll));
  const removal = createTask(remove);
  const timers = [
    repeat(tickMs, () => {
      // Deliveries follow an evaluation, over the same connection.
      if (performance.now() >= judgesAgainAt) evaluation.run();
      else deliverAll();
    }),
    repeat(REMOVE_EVERY_MS, removal.run),
  ];
  evaluation.run();
  removal.run();

  return async () => {
    for (const timer of timers) clearInterval(timer);
    leaving.abort();
    await Promise.all([evaluation, removal, ...deliveries].map((task) => task.settle()));
  };

  /** Creates a task that never runs twice at once. A failed task runs again the next time. */
  function createTask(act: () => Promise<void>): { run: () => void; settle: () => Promise<void> } {
    let running: Promise<void> | null = null;
    return {
      run() {
        if (leaving.signal.aborted) return;
        const begunAt = performance.now();
        running ??= act()
          .then(
            () => {
              // A task that began before the failure proves nothing: its reads were answered before it.
              if (failedAt !== null && begunAt > failedAt) failedAt = null;
            },
            (error: unknown) => {
              if (isDatabaseAway(error)) judgesAgainAt = performance.now() + graceMs;
              // Logged once, not by each task every few seconds while the database is away.
              if (failedAt === null) log.warn({ err: error }, `Alerts are delayed: ${toMessage(error)}`);
              failedAt = performance.now();
            },
          )
          .finally(() => {
            running = null;
          });
      },
      async settle() {
        await running;
      },
    };
  }
}
