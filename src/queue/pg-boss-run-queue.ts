import { sql } from 'kysely';
import { fromKysely, PgBoss } from 'pg-boss';
import { LonghaulError } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { Database } from '../db/database.ts';
import { findDueRuns } from './find-due-runs.ts';
import { JOB, QUEUE_SCHEMA } from './queue-schema.ts';
import type { QueueDepth, RunQueue } from './run-queue.ts';

interface PgBossRunQueueOptions {
  readonly database: Database;
  /** Time after which a message that was taken and never removed is delivered again. */
  readonly expireSeconds: number;
  readonly onError: (error: Error) => void;
}

const DAY_SECONDS = 86_400;

/**
 * Keeps the queues in the database with pg-boss: a job is written and taken in the same transaction that changes the
 * run. A job's id is its run's id, so that a run is never queued twice.
 *
 * Workers are woken by a `Notifier`: pg-boss's own listener wakes only its own polling workers, and those sleep for
 * their interval after each job even when more are waiting.
 */
export function createPgBossRunQueue({ database, expireSeconds, onError }: PgBossRunQueueOptions): RunQueue {
  const boss = new PgBoss({
    db: { executeSql: async (text, values) => ({ rows: await database.runScript(text, values) }) },
    backend: database.kind === 'embedded' ? 'pglite' : 'postgres',
    schema: QUEUE_SCHEMA,
    schedule: false,
    registerInstance: false,
    // No message depends on another.
    flowIntervalSeconds: DAY_SECONDS,
  });
  boss.on('error', guarded(onError));
  const known = new Set<string>();

  async function ensureQueue(name: string): Promise<void> {
    if (known.has(name)) return;
    // A message never dies of too many deliveries: its run knows when to stop.
    const options = {
      expireInSeconds: Math.ceil(expireSeconds),
      retryLimit: 1_000,
      retentionSeconds: 365 * DAY_SECONDS,
    };
    await boss.createQueue(name, options);
    await boss.updateQueue(name, options);
    known.add(name);
  }

  const enqueueAll: RunQueue['enqueueAll'] = async (trx, messages) => {
    for (const [queue, ofQueue] of Map.groupBy(messages, (message) => message.queue)) {
      const jobs = ofQueue.map(({ runId, priority, startAfter }) => ({
        id: runId,
        priority,
        ...(startAfter && { startAfter }),
      }));
      await boss.insert(queue, jobs, { db: fromKysely(trx) });
    }
  };

  const remove: RunQueue['remove'] = async (trx, { runId, queue }) => {
    await boss.deleteJob(queue, runId, { db: fromKysely(trx) });
  };

  return {
    async start(queues) {
      try {
        await boss.start();
      } catch (cause) {
        throw new LonghaulError('database_unavailable', {
          message: `The queue could not be opened: ${String(cause)}`,
          cause,
        });
      }
      for (const queue of queues) await ensureQueue(queue);
    },

    enqueueAll,

    async requeue(trx, message) {
      await remove(trx, message);
      await enqueueAll(trx, [message]);
    },

    async take(trx, { queue, limit }) {
      const jobs = await boss.fetch(queue, { db: fromKysely(trx), batchSize: limit });
      return jobs.map((job) => job.id);
    },

    exchange: exchangeJobs,

    remove,

    findDue: (queues) => findDueRuns(database, queues),

    depth: (queues, trx) => readDepth(trx ?? database.sql, queues),

    async stop() {
      await boss.stop({ graceful: false, close: false });
    },
  };
}

/**
 * Swaps a taken message with a waiting one by exchanging the contents of their rows, because an id is a run's. Locks a
 * waiting message or skips it, as pg-boss's own fetch does.
 */
const exchangeJobs: RunQueue['exchange'] = async (trx, { queue, taken, waiting }) => {
  const { rows } = await sql`
    with pair as (
      select id, state, priority, start_after, created_on, started_on, heartbeat_on, retry_count
        from ${JOB}
       where name = ${queue} and not blocked
         and (id = ${taken} and state = 'active' or id = ${waiting} and state < 'active' and start_after <= now())
         for update skip locked)
    update ${JOB} as job
       set state = other.state, priority = other.priority, start_after = other.start_after,
           created_on = other.created_on, started_on = other.started_on, heartbeat_on = other.heartbeat_on,
           retry_count = other.retry_count
      from pair as other
     where job.name = ${queue} and job.id in (${taken}, ${waiting}) and other.id <> job.id
       and (select count(*) from pair) = 2
    returning job.id`.execute(trx);
  return rows.length === 2;
};

/** Counts the jobs: pg-boss's own figures are a cache that may be an hour old. */
async function readDepth(connection: Database['sql'], queues: readonly string[]): Promise<QueueDepth[]> {
  const { rows } = await sql<QueueDepth>`
    select name as queue,
           count(*) filter (where start_after <= now())::int as waiting,
           count(*) filter (where start_after > now())::int as delayed,
           (extract(epoch from now() - min(start_after) filter (where start_after <= now())))::float as "oldestWaitSeconds"
      from ${JOB}
     where state in ('created', 'retry') and name = any(${sql.val([...queues])}::text[])
     group by name`.execute(connection);
  return queues.map(
    (queue) => rows.find((row) => row.queue === queue) ?? { queue, waiting: 0, delayed: 0, oldestWaitSeconds: null },
  );
}
