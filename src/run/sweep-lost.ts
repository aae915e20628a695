import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { Run } from './run.ts';
import { closeAttempt, type AttemptOutcome } from './settle.ts';
import type { Spending } from './spending.ts';

/** Runs settled in one sweep, so that a great outage is cleared in bounded transactions. */
const BATCH_SIZE = 50;

/**
 * Settles the runs whose worker let its lease run out: it died, or could not reach the database. Each ends
 * as `worker_lost`, or as cancelled when that had been asked for, with the cost its gateway had metered.
 * Returns the runs it settled.
 *
 * Locks the rows it settles and skips those locked by another sweep, so that any number may run at once. A
 * worker that was only slow finds its fence no longer running and writes nothing more.
 */
export async function sweepLostRuns(deps: { database: Database; queue: Queue }): Promise<Run[]> {
  return deps.database.sql.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('status', '=', 'running')
      .where('lease_expires_at', '<', sql<Date>`clock_timestamp()`)
      .orderBy('lease_expires_at')
      .limit(BATCH_SIZE)
      .forUpdate()
      .skipLocked()
      .execute();
    const settled: Run[] = [];
    for (const row of rows) {
      const attempt = await trx
        .selectFrom('longhaul.attempts')
        .select([
          'metered',
          'metered_cost_micros',
          sql<number>`(extract(epoch from clock_timestamp() - started_at) * 1000)::int`.as('age_ms'),
        ])
        .where('run_id', '=', row.id)
        .where('number', '=', row.attempt)
        .executeTakeFirstOrThrow();
      const outcome: AttemptOutcome = row.cancel_requested_at
        ? { status: 'cancelled' }
        : { status: 'failed', code: 'worker_lost', detail: `Worker ${row.lease_worker_id} did not renew its lease.` };
      const settlement = {
        outcome,
        turns: 0,
        durationMs: attempt.age_ms,
        toolUses: {},
        metered: { costMicros: attempt.metered_cost_micros, models: (attempt.metered ?? {}) as Spending['models'] },
        reported: null,
        exitCode: null,
        signal: null,
        stderrTail: '',
        claudeCodeVersion: null,
      };
      settled.push(await closeAttempt({ trx, queue: deps.queue, row, settlement }));
    }
    return settled;
  });
}
