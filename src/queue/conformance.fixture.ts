import { sql } from 'kysely';
import { expect } from 'vitest';
import { createPostgresDatabase, createTestDatabase } from '../../test/support/databases.ts';
import { hasRedis } from '../../test/support/redis-server.ts';
import { openBadSqs, openRedis, openSqs, type BackendServer } from './backend/servers.fixture.ts';
import { createId } from '../core/ids.ts';
import type { Database } from '../db/database.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import type { Consumer, ConsumerOptions } from './consumer.ts';
import { createDatabaseQueue } from './database-queue.ts';
import { createPgBossRunQueue } from './pg-boss-run-queue.ts';
import { createListNotifier, createLists } from './list-notifier.fixture.ts';
import { createQueue, type Queue } from './queue.ts';
import type { QueueMessage, RunQueue } from './run-queue.ts';

/** A backend of the queue that the conformance suite runs on. A new backend adds an entry. */
export interface Backend {
  readonly name: string;
  readonly kind: Database['kind'];
  /** True when several processes may use it. */
  readonly isDistributed: boolean;
  /** True when wake-ups come from the database, over the connection that listens. */
  readonly usesListen: boolean;
  /** False when it may double, delay and lose wake-ups without a fault, so that their number says nothing. */
  readonly isExact: boolean;
  /** Time that wake-ups may take longer than from PostgreSQL, in ms. */
  readonly slowMs: number;
  /** Prepares the queues of one database. */
  readonly open: () => Promise<OpenedBackend>;
}

interface OpenedBackend {
  /** Creates the queue of a process. */
  readonly create: (database: Database) => Queue;
  /** The server beside the database, for faults; null when there is none. */
  readonly server: BackendServer | null;
}

const fail = (error: unknown) => expect.unreachable(String(error));

const createRuns = (database: Database) => createPgBossRunQueue({ database, expireSeconds: 180, onError: fail });

const openNotify = () =>
  Promise.resolve({
    create: (database: Database) => createDatabaseQueue({ database, expireSeconds: 180, onError: fail }),
    server: null,
  });

/** A backend that is not part of the transaction and wakes one worker: the other kind that the ports allow. */
export const openLists = (lists = createLists()) =>
  Promise.resolve({
    create: (database: Database) => createQueue({ runs: createRuns(database), notifier: createListNotifier(lists) }),
    server: null,
  });

/** A backend beside the database, whose server all databases share. */
const openBeside = (open: typeof openRedis) => async () => {
  const { server, createNotifier } = await open();
  return {
    create: (database: Database) => createQueue({ runs: createRuns(database), notifier: createNotifier(database) }),
    server,
  };
};

const notify = { usesListen: true, isExact: true, slowMs: 0, open: openNotify };
const beside = { kind: 'postgres', isDistributed: true, usesListen: false, isExact: true, slowMs: 0 } as const;

export const BACKENDS: readonly Backend[] = [
  { ...notify, name: 'the embedded database', kind: 'embedded', isDistributed: false },
  { ...notify, name: 'PostgreSQL', kind: 'postgres', isDistributed: true },
  { ...beside, name: 'PostgreSQL and lists beside it', open: () => openLists() },
];

/** The backends with a server beside the database. */
export const SERVER_BACKENDS: readonly Backend[] = [
  ...(hasRedis ? [{ ...beside, name: 'PostgreSQL and Redis', open: openBeside(openRedis) }] : []),
  { ...beside, name: 'PostgreSQL and SQS', slowMs: 1_000, open: openBeside(openSqs) },
];

/** SQS as AWS documents that it may behave. */
export const BAD_SQS: Backend = {
  ...beside,
  name: 'PostgreSQL and SQS at its worst',
  isExact: false,
  slowMs: 4_000,
  open: openBeside(openBadSqs),
};

/** A worker of the suite: it claims through the port, and records the runs. */
export interface SuiteWorker extends Consumer {
  /** The runs that it has claimed, in order. */
  readonly runIds: readonly string[];
  /** The number of claims, also of claims without a run. */
  readonly claims: number;
  /** The number of runs that it may claim at once. */
  room: number;
  /** Resolves to the run after the last that `next` returned, once it is claimed. */
  next(): Promise<string>;
}

type WorkerOptions = Partial<Pick<ConsumerOptions, 'claim' | 'onError' | 'checkEveryMs'>> & {
  room?: number;
  /** Receives each claimed run. */
  onTaken?: (runId: string) => void;
};

/** A process of the suite: a connection to the database, and its queue. */
export interface SuiteProcess {
  readonly database: Database;
  readonly queue: Queue;
  /** Queues a run in a separate transaction, and returns its id. */
  submit(queue: string, changes?: Partial<QueueMessage>): Promise<string>;
  /** Takes up to `limit` runs out of a queue and commits. */
  take(queue: string, limit: number): Promise<string[]>;
  startWorker(queues: readonly string[], options?: WorkerOptions): Promise<SuiteWorker>;
}

/** Opens a database of the backend with these queues. */
export async function openBackend(backend: Backend, queues: readonly string[]) {
  const { database, url, remove } = await createTestDatabase(backend.kind);
  const closers: (() => Promise<unknown>)[] = [remove];
  const opened = await backend.open();
  const first = join(database, opened.create);
  await first.queue.start(queues);
  const runs = createRuns(database);
  closers.push(() => runs.stop());
  await runs.start(queues);

  function join(connection: Database, create: (database: Database) => Queue) {
    const queue = create(connection);
    closers.push(() => queue.stop());
    return createProcess({ database: connection, queue, onWorker: (worker) => closers.push(() => worker.stop()) });
  }

  return {
    ...first,
    server: opened.server,
    /** The queue without its notifier: what it queues wakes nobody, as when each wake-up is lost. */
    runs: runs as Pick<RunQueue, 'enqueueAll'>,
    /** Opens another process on the same database; on the embedded database, another worker of the same process. */
    async openProcess(): Promise<SuiteProcess> {
      if (url === null) return first;
      const other = await openPostgresDatabase({ url, poolSize: 5 });
      closers.push(() => other.close());
      const joined = join(other, opened.create);
      // The queues themselves exist.
      await joined.queue.start([]);
      return joined;
    },
    /** Opens a second database of the same server with the same queues. */
    async openNeighbour(): Promise<SuiteProcess> {
      const neighbour = await createPostgresDatabase();
      closers.push(neighbour.drop);
      const other = await openPostgresDatabase({ url: neighbour.url, poolSize: 5 });
      closers.push(() => other.close());
      const joined = join(other, (await backend.open()).create);
      await joined.queue.start(queues);
      return joined;
    },
    async close() {
      for (const close of closers.splice(0).reverse()) await close();
    },
  };
}

export type SuiteDatabase = Awaited<ReturnType<typeof openBackend>>;

interface ProcessOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly onWorker: (worker: SuiteWorker) => void;
}

function createProcess({ database, queue, onWorker }: ProcessOptions): SuiteProcess {
  const take: SuiteProcess['take'] = (name, limit) =>
    database.sql.transaction().execute((trx) => queue.take(trx, { queue: name, limit }));
  return {
    database,
    queue,
    take,
    async submit(name, changes) {
      const message = { runId: createId(), queue: name, priority: 0, startAfter: null, ...changes };
      await database.sql.transaction().execute((trx) => queue.enqueue(trx, message));
      return message.runId;
    },
    async startWorker(queues, { claim = claimBy(take), room = 10, onTaken = () => {}, ...rest } = {}) {
      const runIds: string[] = [];
      const waiting: (() => void)[] = [];
      let seen = 0;
      let claims = 0;
      let currentRoom = room;
      const workerId = await register(database, queues);
      const consumer = await queue.consume({
        workerId,
        queues,
        room: () => currentRoom,
        async claim(name, limit) {
          claims++;
          const result = await claim(name, limit);
          const { taken = [] } = result as Partial<Taken>;
          runIds.push(...taken);
          for (const runId of taken) onTaken(runId);
          for (const wake of waiting.splice(0)) wake();
          return result;
        },
        onError: fail,
        ...rest,
      });
      const worker: SuiteWorker = {
        get room() {
          return currentRoom;
        },
        set room(value) {
          currentRoom = value;
        },
        runIds,
        get claims() {
          return claims;
        },
        async next() {
          while (seen >= runIds.length) await new Promise<void>((resolve) => waiting.push(resolve));
          return runIds[seen++]!;
        },
        wake: () => consumer.wake(),
        async stop() {
          await consumer.stop();
          await database.sql.deleteFrom('longhaul.workers').where('id', '=', workerId).execute();
        },
      };
      onWorker(worker);
      return worker;
    },
  };
}

/** Registers a worker with room, as its presence does, and returns its id. */
export async function register(database: Database, queues: readonly string[]): Promise<string> {
  const worker = { id: createId(), host: 'here', pid: 1, version: 'suite', slots: 10, queues: [...queues] };
  await database.sql.insertInto('longhaul.workers').values(worker).execute();
  return worker.id;
}

interface Taken {
  readonly taken: readonly string[];
}

/** Claims as `claimRuns` does, without the runs. */
export function claimBy(take: SuiteProcess['take']) {
  return async (name: string, limit: number) => {
    const taken = await take(name, limit);
    return { taken, wasEmpty: taken.length === 0, isMore: taken.length === limit };
  };
}

/** Pauses or resumes a queue. */
export async function setPaused(database: Database, name: string, isPaused: boolean): Promise<void> {
  await sql`
    insert into longhaul.queues (name, paused_at) values (${name}, ${isPaused ? sql`now()` : null})
    on conflict (name) do update set paused_at = excluded.paused_at`.execute(database.sql);
}

/** Breaks the connections on which the processes of a database listen. */
export async function breakListening(database: Database): Promise<void> {
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'longhaul listening' and datname = current_database()`.execute(database.sql);
}
