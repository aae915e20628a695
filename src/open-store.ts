import { ensureAdminKey } from './api/admin-key.ts';
import type { Config } from './config/config.ts';
import { toMessage } from './core/errors.ts';
import type { Logger } from './core/log.ts';
import type { Database } from './db/database.ts';
import { checkGrants, creating } from './db/grants.ts';
import { migrate } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { createOutage, quietOutages, type Outage } from './db/outage.ts';
import { openQueue } from './queue/open-queue.ts';
import { QUEUE_SCHEMA } from './queue/queue-schema.ts';
import type { Queue } from './queue/queue.ts';
import { useCostZone } from './run/costs/use-cost-zone.ts';

/** Functions that close the parts of a Longhaul; the last is called first. */
export type Closers = (() => Promise<void> | void)[];

/** The database and queue, migrated to this version. */
export interface Store {
  readonly database: Database;
  readonly queue: Queue;
  /** The logger for all users of the store: it logs an outage of the database once, whichever part meets it. */
  readonly log: Logger;
  /** The migrations that were applied, by name. */
  readonly applied: readonly string[];
  /** The first admin key, when this start created it. */
  readonly newAdminKey: string | null;
}

interface OpenStoreOptions {
  readonly log: Logger;
  readonly closers: Closers;
  /** True when an admin key is created where none exists: a worker creates none. */
  readonly makesAdminKey: boolean;
  /** True when the process serves only a worker. Defaults to false. */
  readonly isWorkerAlone?: boolean;
  /** Aborts the wait for the database or for another process. */
  readonly signal?: AbortSignal;
}

/**
 * Opens the database and the queue. All writes of a start happen `exclusively`: of any number of processes that start
 * at once on a new database, one creates the schemas, the queues and the first key, and the others find them.
 */
export async function openStore(config: Config, options: OpenStoreOptions): Promise<Store> {
  const { closers, makesAdminKey, isWorkerAlone = false, signal } = options;
  let outage: Outage | null = null;
  const database = await openDatabase(config, {
    isWorkerAlone,
    onError: (error) => outage?.note(error),
    onWarning: (message) => options.log.warn({}, message),
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
  const queue = await openQueue({
    database,
    backend: config.queueBackend,
    expireSeconds: config.worker.expireSeconds,
    log,
  });

  const prepare = async () => {
    await checkGrants(database, ['longhaul', QUEUE_SCHEMA]);
    const applied = await creating(database, () => migrate(database));
    if (applied.length > 0) log.info({ applied }, 'the database was migrated');
    const queues = [...new Set([...config.agents.values()].map((agent) => agent.queue))];
    await creating(database, () => queue.start(queues));
    closers.push(() => queue.stop());
    if (await useCostZone(database, config.timeZone))
      log.info({ timeZone: config.timeZone }, 'the sums of costs now use the days of this time zone');
    const { adminKey: given, dataDir } = config;
    const newAdminKey = makesAdminKey ? await ensureAdminKey(database, { dataDir, given, log }) : null;
    return { applied, newAdminKey };
  };
  const onWait = () => log.info({}, 'another process is migrating the database: waiting for it');
  const prepared = await database.exclusively(prepare, { onWait, signal });
  return { database, queue, log, ...prepared };
}

async function probe(database: Database): Promise<void> {
  await database.sql.selectNoFrom((eb) => eb.lit(1).as('one')).execute();
}
