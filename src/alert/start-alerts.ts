import { sql } from 'kysely';
import type { Config } from '../config/config.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
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
  /** What the rules and deliveries take for the time. Defaults to the database's clock, which all servers share. */
  readonly clock?: () => Date;
  /** How often to look whether something is to be done, in ms. Defaults to 5,000. */
  readonly tickMs?: number;
  /**
   * How often each rule is evaluated, by whichever server comes first, in ms. Shorter than an evaluation takes, servers
   * end each other's turns and nothing is found. Defaults to 60,000.
   */
  readonly everyMs?: number;
  /**
   * How long nothing is judged after the database was away, in ms: workers that could not reach it either have to show
   * themselves first. Defaults to 30,000.
   */
  readonly graceMs?: number;
}

const REMOVE_EVERY_MS = 3_600_000;

/**
 * Starts to evaluate the alert rules and to deliver what they find. Any number of servers may do it at once: each rule
 * is evaluated by one of them, and each delivery made by one. Returns what ends it. Never throws into the process, and
 * goes on once a database that was away is back.
 */
export function startAlerts(options: AlertsOptions): () => Promise<void> {
  const { config, database, queue, log, clock, tickMs = 5_000, everyMs = 60_000, graceMs = 30_000 } = options;
  const { alerts } = config;
  const facts = createAlertFacts({ config, database, queue });
  const leaving = new AbortController();
  let judgesAgainAt = 0;
  let isFailing = false;

  async function readNow(): Promise<Date> {
    if (clock !== undefined) return clock();
    const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(database.sql);
    return rows[0]!.now;
  }

  async function evaluate(): Promise<void> {
    const onError = (err: unknown, rule: string) => log.error({ err, rule }, 'an alert rule could not be evaluated');
    await evaluateRules({ database, facts, alerts, now: await readNow(), everyMs, onError });
    for (const delivery of deliveries) delivery.run();
  }

  function deliver(channel: Channel): Promise<void> {
    return deliverDue(database, {
      channel,
      readNow,
      signal: leaving.signal,
      onFailure: ({ id, attempts, reason, isLast }) => {
        const facts = { deliveryId: id, channel: channel.name, attempts, reason };
        if (isLast) log.error(facts, 'an alert was not delivered within a day and is given up');
        else log.warn(facts, 'an alert could not be delivered; it is tried again');
      },
    });
  }

  async function remove(): Promise<void> {
    const count = await removeOldAlerts(database, await readNow());
    if (count > 0) log.info({ count }, 'removed alerts that were over 90 days ago');
  }

  const deliveries = alerts.channels.map((channel) => {
    const opened = openChannel(channel, log);
    return createTask(() => deliver(opened));
  });
  const evaluation = createTask(evaluate);
  const removal = createTask(remove);
  const timers = [
    repeat(tickMs, () => {
      if (performance.now() >= judgesAgainAt) evaluation.run();
      for (const delivery of deliveries) delivery.run();
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

  /** Something that is done now and then, never twice at once. What fails is done again the next time. */
  function createTask(act: () => Promise<void>): { run: () => void; settle: () => Promise<void> } {
    let running: Promise<void> | null = null;
    return {
      run() {
        if (leaving.signal.aborted) return;
        running ??= act()
          .then(
            () => {
              isFailing = false;
            },
            (error: unknown) => {
              if (isDatabaseAway(error)) judgesAgainAt = performance.now() + graceMs;
              // Said once, not by each task every few seconds for as long as the database is away.
              if (!isFailing) log.warn({ err: error }, `alerts are held up: ${toMessage(error)}`);
              isFailing = true;
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
