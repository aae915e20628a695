import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { openPostgresDatabase } from '../../src/db/postgres.ts';
import type { RunStatus } from '../../src/core/states.ts';
import type { ModelCall } from './model.ts';
import type { Supervised } from './supervised.ts';

/** The state of the runs in the database at the end. */
export interface Records {
  /** Runs by their names in the plan, which their metadata has. */
  readonly runs: ReadonlyMap<string, RunRecord>;
  readonly runCount: number;
  /** Messages that are still queued. */
  readonly queuedMessages: number;
  /** This month's budgets of the team and of all. Every run counts for both. */
  readonly budgets: readonly BudgetRecord[];
}

export interface BudgetRecord {
  readonly name: string;
  readonly spentMicros: number;
  readonly reservedMicros: number;
  /** Costs by the entries of the ledger, and by their sums. */
  readonly bookedMicros: number;
  readonly summedMicros: number;
}

export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly agent: string;
  readonly status: RunStatus;
  readonly result: string | null;
  readonly errorCode: string | null;
  /** The detail for operators. */
  readonly errorDetail: string | null;
  readonly createdAtMs: number;
  readonly lastSeq: number;
  readonly costMicros: number;
  readonly events: readonly EventRecord[];
  /** Events in order. */
  readonly attempts: readonly AttemptRecord[];
  readonly ledger: readonly LedgerRecord[];
}

export interface EventRecord {
  readonly seq: number;
  readonly type: string;
  readonly attempt: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AttemptRecord {
  readonly id: string;
  readonly number: number;
  readonly workerId: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number | null;
  readonly outcome: string | null;
  readonly errorCode: string | null;
  readonly errorDetail: string | null;
}

export interface LedgerRecord {
  readonly attemptId: string;
  readonly costMicros: number;
}

/** Reads the records to judge. */
export async function readRecords(url: string): Promise<Records> {
  const database = await openPostgresDatabase({ url });
  try {
    const runs = await database.sql.selectFrom('longhaul.runs').selectAll().orderBy('id').execute();
    const events = Map.groupBy(
      await database.sql.selectFrom('longhaul.run_events').selectAll().orderBy('seq').execute(),
      (event) => event.run_id,
    );
    const attempts = Map.groupBy(
      await database.sql.selectFrom('longhaul.attempts').selectAll().orderBy('number').execute(),
      (attempt) => attempt.run_id,
    );
    const ledger = Map.groupBy(
      await database.sql.selectFrom('longhaul.ledger_entries').selectAll().execute(),
      (entry) => entry.run_id,
    );
    const jobs = await sql<{ count: number }>`
      select count(*)::int as count from longhaul_queue.job where state < 'completed' and name in ('real', 'stub')`.execute(
      database.sql,
    );
    const budgets = await sql<BudgetRecord>`
      select scope as name, sum(spent_micros)::bigint as "spentMicros", sum(reserved_micros)::bigint as "reservedMicros",
             (select coalesce(sum(cost_micros), 0) from longhaul.ledger_entries)::bigint as "bookedMicros",
             (select coalesce(sum(cost_micros), 0) from longhaul.cost_rollups
               where dimension = 'total' and period = 'day')::bigint as "summedMicros"
        from longhaul.budget_accounts where scope in ('team', 'global') and period = 'month'
       group by scope`.execute(database.sql);
    const records = runs.map((run): RunRecord => ({
      id: run.id,
      name: (run.metadata as { run: string }).run,
      agent: run.agent,
      status: run.status,
      result: run.result,
      errorCode: run.error_code,
      errorDetail: run.error_detail,
      createdAtMs: run.created_at.getTime(),
      lastSeq: run.event_seq,
      costMicros: run.cost_micros,
      events: (events.get(run.id) ?? []).map(({ seq, type, attempt, data }) => ({
        seq,
        type,
        attempt,
        data: data as EventRecord['data'],
      })),
      attempts: (attempts.get(run.id) ?? []).map((attempt) => ({
        id: attempt.id,
        number: attempt.number,
        workerId: attempt.worker_id,
        startedAtMs: attempt.started_at.getTime(),
        finishedAtMs: attempt.finished_at?.getTime() ?? null,
        outcome: attempt.outcome,
        errorCode: attempt.error_code,
        errorDetail: attempt.error_detail,
      })),
      ledger: (ledger.get(run.id) ?? []).map((entry) => ({
        attemptId: entry.attempt_id,
        costMicros: entry.cost_micros,
      })),
    }));
    return {
      runs: new Map(records.map((run) => [run.name, run])),
      runCount: runs.length,
      queuedMessages: jobs.rows[0]?.count ?? 0,
      budgets: budgets.rows,
    };
  } finally {
    await database.close();
  }
}

/** Returns the calls of each attempt, by the attempt's id; calls of no attempt are under the empty text. */
export async function assignCalls(options: {
  records: Records;
  calls: readonly ModelCall[];
  workers: readonly Supervised[];
}): Promise<ReadonlyMap<string, readonly ModelCall[]>> {
  const { records, calls, workers } = options;
  const workerIds = new Map(
    await Promise.all(
      workers
        .flatMap(({ incarnations }) => incarnations)
        .map(async ({ key, logFile }) => [key, await readWorkerId(logFile)] as const),
    ),
  );
  return Map.groupBy(calls, ({ run, workerKey, receivedAtMs }) => {
    const workerId = workerIds.get(workerKey) ?? null;
    // A process may have executed a run twice: the later attempt made the call if it had begun. `now()` is a
    // transaction's start.
    const attempt = records.runs
      .get(run)
      ?.attempts.findLast((attempt) => attempt.workerId === workerId && attempt.startedAtMs <= receivedAtMs);
    return attempt?.id ?? '';
  });
}

/** Returns the worker id of a process, from its log. */
async function readWorkerId(logFile: string): Promise<string | null> {
  return /"workerId":"([^"]+)"/.exec(await readFile(logFile, 'utf8'))?.[1] ?? null;
}
