import { sql, type Selectable } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import type { Run } from './run.ts';
import { closeAttempt, type AttemptOutcome } from './settle.ts';
import type { Spending } from './spending.ts';

/** Runs settled in one sweep, so that a great outage is cleared in bounded transactions. */
const BATCH_SIZE = 50;

/** Attempts after which a run that is lost before it does anything is no accident any more. */
const MAX_IDLE_ATTEMPTS = 3;

/**
 * Settles the runs whose worker let its lease run out: it died, or could not reach the database. Each ends
 * as `worker_lost` with the cost its gateway had metered, or as cancelled when that had been asked for; one
 * whose attempt had done nothing yet goes in line again. Returns the runs it settled.
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
      const attempt = await readAttempt(trx, row);
      const settlement = {
        outcome: toOutcome(row, attempt),
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

type LostAttempt = Awaited<ReturnType<typeof readAttempt>>;

function readAttempt(trx: Transaction, row: Selectable<RunsTable>) {
  return trx
    .selectFrom('longhaul.attempts')
    .select([
      'metered',
      'metered_cost_micros',
      sql<number>`(extract(epoch from clock_timestamp() - started_at) * 1000)::int`.as('age_ms'),
      // Claude Code says its first word before it asks the model anything.
      sql<boolean>`exists (select from longhaul.run_events where run_id = ${row.id} and attempt = ${row.attempt} and type <> 'run.started')`.as(
        'has_begun',
      ),
    ])
    .where('run_id', '=', row.id)
    .where('number', '=', row.attempt)
    .executeTakeFirstOrThrow();
}

function toOutcome(row: Selectable<RunsTable>, attempt: LostAttempt): AttemptOutcome {
  if (row.cancel_requested_at !== null) return { status: 'cancelled' };
  const isIdle = attempt.metered === null && !attempt.has_begun;
  if (isIdle && row.attempt < MAX_IDLE_ATTEMPTS) return { status: 'handed_back' };
  return { status: 'failed', code: 'worker_lost', detail: `Worker ${row.lease_worker_id} did not renew its lease.` };
}
