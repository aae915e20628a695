import { sql, type Selectable } from 'kysely';
import type { WaitingFor } from '../core/events.ts';
import type { Database, Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import { appendEvents } from './append-events.ts';
import { toMessage } from './place-in-line.ts';

interface ParkOptions {
  readonly queue: Queue;
  readonly runId: string;
  readonly attempt: number;
  readonly waitingFor: WaitingFor;
  /** When it is looked at again: its message comes then. */
  readonly until: Date;
}

/** Lets a run whose row `trx` has locked wait, with no process and no slot, until a worker claims it again. */
export async function parkRun(trx: Transaction, options: ParkOptions): Promise<Selectable<RunsTable>> {
  const { queue, runId, attempt, waitingFor, until } = options;
  await appendEvents(trx, {
    runId,
    attempt,
    events: [{ type: 'run.waiting', data: { waitingFor, until: until.toISOString() } }],
  });
  const row = await trx
    .updateTable('longhaul.runs')
    .set({ status: 'waiting', waiting_for: waitingFor, parked_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', runId)
    .returningAll()
    .executeTakeFirstOrThrow();
  await queue.requeue(trx, toMessage(row, until));
  return row;
}

/** What waits for a worker to try it again, and not for a person. */
export const TRIED_AGAIN = ['budget', 'provider_limit'] as const satisfies WaitingFor[];

/** Runs put in line in one transaction. */
const BATCH_SIZE = 200;

/**
 * Puts runs that wait for a budget, or for a limit of the provider's, in line now: it was raised, or is over. Each that
 * still has to wait is parked again by its claim. Returns how many.
 */
export async function wakeRuns(
  { database, queue }: { database: Database; queue: Queue },
  { waitingFor, user, team }: { waitingFor: (typeof TRIED_AGAIN)[number]; user?: string; team?: string },
): Promise<number> {
  let woken = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await database.sql.transaction().execute(async (trx) => {
      const waiting = await trx
        .selectFrom('longhaul.runs')
        .select(['id', 'queue', 'priority', 'fair_rank'])
        .where('status', '=', 'waiting')
        .where('waiting_for', '=', waitingFor)
        .where('id', '>', after)
        .$if(user !== undefined, (runs) => runs.where('user_id', '=', user!))
        .$if(team !== undefined, (runs) => runs.where('team', '=', team!))
        .where((run) => run.or([run('start_after', 'is', null), run('start_after', '<=', sql<Date>`now()`)]))
        .orderBy('id')
        .limit(BATCH_SIZE)
        .forUpdate()
        .skipLocked()
        .execute();
      for (const run of waiting) await queue.requeue(trx, toMessage(run));
      return waiting;
    });
    woken += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < BATCH_SIZE) return woken;
  }
}
