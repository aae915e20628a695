import { sql, type Selectable } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { AttemptOutcome } from './conclude.ts';
import { noteLoss } from '../claim/losses.ts';
import type { EndDeps, RunDeps } from '../rules.ts';
import { afterAttempt, closeAttempt, type Settled } from './settle.ts';
import type { Spending } from '../money/spending.ts';

/** Runs settled in one sweep. */
const BATCH_SIZE = 50;

/** Attempts after which a run that is lost before it does anything is no longer an accident. */
const MAX_IDLE_ATTEMPTS = 3;

interface SweepDeps extends EndDeps {
  /** Receives a run that could not be settled; the others are settled, and the next sweep tries it again. */
  readonly onError: (error: unknown, runId: string) => void;
}

/**
 * Settles the attempts whose worker let its lease expire: the worker died, or could not reach the database. Each ends
 * as `worker_lost` with the cost that its gateway had metered, and its run gets another attempt; as `poison_run` when
 * it was the second worker that the run took down; or as cancelled when that had been requested. An attempt that had
 * done nothing yet is not counted. Returns the settled runs.
 *
 * Settles each in a separate transaction that locks the row, or skips it when another sweep has locked it, so that any
 * number may run at once. A worker that was only slow finds its fence void and writes nothing more.
 */
export async function sweepLostRuns({ onError, ...deps }: SweepDeps): Promise<Settled[]> {
  const lost = await deps.database.sql
    .selectFrom('longhaul.runs')
    .select('id')
    .where('status', '=', 'running')
    .where('lease_expires_at', '<', sql<Date>`clock_timestamp()`)
    .orderBy('lease_expires_at')
    .limit(BATCH_SIZE)
    .execute();
  const settled: Settled[] = [];
  for (const { id } of lost) {
    try {
      const lost = await settleLostRun(deps, id);
      if (lost === null) continue;
      settled.push(lost);
      await afterAttempt(deps, lost);
    } catch (error) {
      onError(error, id);
    }
  }
  return settled;
}

async function settleLostRun(deps: RunDeps, id: string): Promise<Settled | null> {
  return deps.database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('id', '=', id)
      .where('status', '=', 'running')
      .where('lease_expires_at', '<', sql<Date>`clock_timestamp()`)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst();
    if (row === undefined) return null;
    const attempt = await readAttempt(trx, row);
    // Also an attempt that waits for a person: other parts of it may work in the meantime, and a run that asks again in
    // each attempt must not take a third worker.
    const isPoison = await noteLoss(trx, row);
    const settlement = {
      outcome: toOutcome({ row, attempt, isPoison }),
      // Counted in the log: the worker is not there to report them.
      turns: attempt.turns,
      durationMs: attempt.age_ms,
      toolUses: attempt.tool_uses ?? {},
      metered: { costMicros: attempt.metered_cost_micros, models: (attempt.metered ?? {}) as Spending['models'] },
      reported: null,
      exitCode: null,
      signal: null,
      stderrTail: '',
      claudeCodeVersion: null,
      peakMemoryBytes: null,
      retryAfterSeconds: null,
    };
    return closeAttempt({ trx, deps, row, settlement });
  });
}

type LostAttempt = Awaited<ReturnType<typeof readAttempt>>;

function readAttempt(trx: Transaction, row: Selectable<RunsTable>) {
  return trx
    .selectFrom('longhaul.attempts')
    .select([
      'metered',
      'metered_cost_micros',
      sql<number>`(extract(epoch from clock_timestamp() - started_at) * 1000)::bigint`.as('age_ms'),
      sql<number>`(select count(*)::int from longhaul.run_events where run_id = ${row.id} and attempt = ${row.attempt}
        and type = 'agent.usage' and data->>'parentToolUseId' is null)`.as('turns'),
      sql<Record<string, number> | null>`(select json_object_agg(name, uses) from (
        select data->>'name' as name, count(*)::int as uses from longhaul.run_events
         where run_id = ${row.id} and attempt = ${row.attempt} and type = 'agent.tool_use' group by 1) as used)`.as(
        'tool_uses',
      ),
      sql<boolean>`exists (select from longhaul.approvals where run_id = ${row.id} and consumed_at is null
        and (status = 'pending' or decided_at > started_at))`.as('has_waited'),
      // Claude Code writes its first message before it calls the model.
      sql<boolean>`exists (select from longhaul.run_events where run_id = ${row.id} and attempt = ${row.attempt} and type <> 'run.started')`.as(
        'has_begun',
      ),
    ])
    .where('run_id', '=', row.id)
    .where('number', '=', row.attempt)
    .executeTakeFirstOrThrow();
}

function toOutcome(lost: { row: Selectable<RunsTable>; attempt: LostAttempt; isPoison: boolean }): AttemptOutcome {
  const { row, attempt, isPoison } = lost;
  if (row.cancel_requested_at !== null) return { status: 'cancelled' };
  if (isPoison) return { status: 'failed', code: 'poison_run', detail: POISON_DETAIL, isFinal: true };
  const isIdle = attempt.metered === null && !attempt.has_begun;
  if (isIdle && row.attempt < MAX_IDLE_ATTEMPTS) return { status: 'handed_back' };
  if (attempt.has_waited) return { status: 'handed_back' };
  return { status: 'failed', code: 'worker_lost', detail: `Worker ${row.lease_worker_id} did not renew its lease.` };
}

const POISON_DETAIL =
  'Two workers went away while they executed this run, so no third worker gets it. Read its events and the logs of ' +
  'both workers; retry it by hand once the cause is known.';
