import { sql } from 'kysely';
import { recordAudit } from '../audit/record.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';

interface PauseOptions {
  readonly name: string;
  /** The actor in the audit record. */
  readonly actor: string;
}

/** Pauses a queue: workers claim no more of its runs. A queue that is paused already keeps its time. */
export async function pauseQueue(database: Database, { name, actor }: PauseOptions): Promise<void> {
  await database.sql.transaction().execute(async (trx) => {
    await trx
      .insertInto('longhaul.queues')
      .values({ name, paused_at: sql<Date>`now()` })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet({ paused_at: sql<Date>`coalesce(queues.paused_at, now())` }),
      )
      .execute();
    await recordAudit(trx, { actor, action: 'queue.paused', subject: name, data: {} });
  });
}

/** Resumes a queue, and notifies the workers in the same transaction. */
export async function resumeQueue(
  { database, queue }: { readonly database: Database; readonly queue: Pick<Queue, 'announce'> },
  { name, actor }: PauseOptions,
): Promise<void> {
  await database.sql.transaction().execute(async (trx) => {
    await trx
      .insertInto('longhaul.queues')
      .values({ name, paused_at: null })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ paused_at: null }))
      .execute();
    await recordAudit(trx, { actor, action: 'queue.resumed', subject: name, data: {} });
    await queue.announce(trx, name);
  });
}

/** Reads the times since which queues are paused, by name. */
export async function readPausedQueues(database: Database): Promise<ReadonlyMap<string, Date>> {
  const rows = await database.sql.selectFrom('longhaul.queues').selectAll().execute();
  return new Map(rows.flatMap(({ name, paused_at }) => (paused_at === null ? [] : [[name, paused_at]])));
}
