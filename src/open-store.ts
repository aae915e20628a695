import { ensureAdminKey } from './api/admin-key.ts';
import type { Config } from './config/config.ts';
import { toMessage } from './core/errors.ts';
import type { Logger } from './core/log.ts';
import type { Database } from './db/database.ts';
import { migrate } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { createOutage, quietOutages, type Outage } from './db/outage.ts';
import { createPgBossQueue } from './queue/pg-boss-queue.ts';
import type { Queue } from './queue/queue.ts';
import { useCostZone } from './run/use-cost-zone.ts';

/** What ends the parts of a Longhaul: called last first. */
export type Closers = (() => Promise<void> | void)[];

/** Where all is kept, brought up to date. */
export interface Store {
  readonly database: Database;
  readonly queue: Queue;
  /** What those who use it are to log to: that the database is away is said once, whoever meets it. */
  readonly log: Logger;
  /** The migrations that were applied, by name. */
  readonly applied: readonly string[];
  /** The first admin key, when it was made here. */
  readonly newAdminKey: string | null;
}

interface OpenStoreOptions {
  readonly log: Logger;
  readonly closers: Closers;
  /** Whether an admin key is made where there is none: a worker makes none. */
  readonly makesAdminKey: boolean;
  /** Aborts when nobody wants it any more, while it waits for the database or for another process. */
  readonly signal?: AbortSignal;
}

/**
 * Opens the database and the queue. All that a start writes is written `exclusively`: of any number of processes that
 * start at once on a new database, one makes the schemas, the queues and the first key, and the others find them.
 */
export async function openStore(config: Config, options: OpenStoreOptions): Promise<Store> {
  const { closers, makesAdminKey, signal } = options;
  let outage: Outage | null = null;
  const database = await openDatabase(config, {
    onError: (error) => outage?.note(error),
    onWait: (error) => {
      const { waitSeconds } = config.database;
      options.log.warn({ waitSeconds, reason: toMessage(error) }, 'the database cannot be reached yet: waiting for it');
    },
    ...(signal && { signal }),
  });
  closers.push(() => database.close());
  const watched = createOutage({ probe: () => probe(database), log: options.log });
  closers.push(() => watched.close());
  outage = watched;
  const log = quietOutages(options.log, watched);
  const queue = createPgBossQueue({
    database,
    expireSeconds: config.worker.expireSeconds,
    onError: (err) => log.warn({ err }, 'queue error'),
  });

  const prepare = async () => {
    const applied = await migrate(database);
    if (applied.length > 0) log.info({ applied }, 'database brought up to date');
    await queue.start([...new Set([...config.agents.values()].map((agent) => agent.queue))]);
    closers.push(() => queue.stop());
    if (await useCostZone(database, config.timeZone))
      log.info({ timeZone: config.timeZone }, 'costs are summed by the days of this time zone');
    const { adminKey: given, dataDir } = config;
    const newAdminKey = makesAdminKey ? await ensureAdminKey(database, { dataDir, given, log }) : null;
    return { applied, newAdminKey };
  };
  const onWait = () => log.info({}, 'another process brings the database up to date: waiting for it');
  const prepared = await database.exclusively(prepare, { onWait, signal });
  return { database, queue, log, ...prepared };
}

async function probe(database: Database): Promise<void> {
  await database.sql.selectNoFrom((eb) => eb.lit(1).as('one')).execute();
}
