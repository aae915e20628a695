import { sql, type Selectable } from 'kysely';
import { SYSTEM_ACTOR, workerActor } from '../../audit/actors.ts';
import type { AuditRecord } from '../../audit/record.ts';
import type { RunErrorCode } from '../../core/errors.ts';
import { maskSecrets } from '../../core/mask-secrets.ts';
import { toUsd } from '../../core/money.ts';
import type { AttemptEnd } from '../../core/states.ts';
import { toStorable } from '../../core/text.ts';
import type { Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import type { RunsTable } from '../../db/tables.ts';
import type { Lease } from '../log/append-events.ts';
import { toCharge, type Charge } from '../money/charge.ts';
import { closeOpenUses } from './close-open-uses.ts';
import { awaitApproval, conclude, isOver, type AttemptOutcome, type Conclusion } from './conclude.ts';
import { continueRun } from './continue-run.ts';
import { endRun } from './end-run.ts';
import { waitForSessionBudget } from './reach-session-budget.ts';
import type { EndDeps, RunDeps } from '../rules.ts';
import { toRun, type Run } from '../run.ts';
import { addModels, toSound, totalUsage, type Spending } from '../money/spending.ts';
import { wakeAfterEnd } from '../waiting/wake-after-end.ts';

/** The complete result of an attempt when it ends. */
export interface Settlement {
  readonly outcome: AttemptOutcome;
  readonly turns: number;
  readonly durationMs: number;
  readonly toolUses: Readonly<Record<string, number>>;
  readonly metered: Spending;
  /** The Agent SDK's report; null when the process ended without one. */
  readonly reported: Spending | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  readonly claudeCodeVersion: string | null;
  /** The most memory that its processes used together; null when it was not measured. */
  readonly peakMemoryBytes: number | null;
  /** Time that the provider asked to wait before the next call, or null. */
  readonly retryAfterSeconds: number | null;
}

/** A run after the end of its attempt, with the conclusion drawn from that end. */
export interface Settled {
  readonly run: Run;
  readonly conclusion: Conclusion;
}

/**
 * Ends an attempt: run, attempt, ledger entry, final event and queue message in one transaction, so that a crash leaves
 * either all of it or a lease that expires. Returns the run as it then is. Returns null, and writes nothing, when the
 * caller no longer held the lease: then another process has settled the attempt or will.
 */
export async function settleAttempt(
  deps: EndDeps,
  { lease, settlement }: { lease: Lease; settlement: Settlement },
): Promise<Settled | null> {
  const settle = async (trx: Transaction) => {
    const row = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('id', '=', lease.runId)
      .where('fence', '=', lease.fence)
      .where('status', '=', 'running')
      .forUpdate()
      .executeTakeFirst();
    return row === undefined ? null : closeAttempt({ trx, deps, row, settlement });
  };
  const settled = await retryDeadlock(() => deps.database.preparedSql.transaction().execute(settle));
  if (settled !== null) await afterAttempt(deps, settled);
  return settled;
}

/** Queues the runs that the committed end of an attempt makes room for. Never rejects. */
export async function afterAttempt(deps: EndDeps, { run, conclusion }: Settled): Promise<void> {
  if (releasesReservation(conclusion)) await wakeAfterEnd(deps, run);
}

/** Settles a running run whose row the caller has locked in `trx`. */
export async function closeAttempt(options: {
  trx: Transaction;
  deps: Pick<RunDeps, 'queue' | 'rules'>;
  row: Selectable<RunsTable>;
  settlement: Settlement;
}): Promise<Settled> {
  const { trx, deps, row } = options;
  const settlement = toSoundSettlement(options.settlement);
  const { outcome, retryAfterSeconds, durationMs } = settlement;
  const charge = toCharge(settlement.metered, settlement.reported);
  const attempt = await closeAttemptRow(trx, { row, settlement });
  const judged = await waitForSessionBudget(trx, {
    row,
    conclusion: conclude({ row, outcome, now: attempt.now, retryAfterSeconds, random: Math.random() }),
    costMicros: row.cost_micros + charge.costMicros,
  });
  const hasUsedTools = Object.keys({ ...settlement.toolUses, ...(row.tool_uses as object) }).length > 0;
  const open = await closeOpenUses(trx, { runId: row.id, isOver: isOver(judged), hasUsedTools });
  const conclusion = awaitApproval(judged, open.waitsUntil);
  const end = toAttemptEnd(outcome.status, conclusion);
  if (end !== outcome.status) await noteAttemptEnd(trx, { attemptId: attempt.id, end });
  const columns = {
    ...(keepsText(conclusion) && { result: sql<string | null>`${saidSoFar(row.id)}` }),
    lease_worker_id: null,
    lease_expires_at: null,
    denied_tool_uses: sql<string>`${deniedToolUses(row.id)}`,
    ...addToSums(row, { settlement, charge }),
  };
  const concludes = isOver(conclusion) ? conclusion.status : null;
  const books = { concludes, isOver: releasesReservation(conclusion), charge, durationMs };
  const booking = { row, attemptId: attempt.id, outcome: end, ...books };
  const change = { deps, row, events: open.events, columns, booking };
  const toAudit = (ended: Selectable<RunsTable>) => toAuditOfEnd(ended, { workerId: row.lease_worker_id });
  const settled = isOver(conclusion)
    ? await endRun(trx, { ...change, conclusion, toAudit })
    : await continueRun(trx, { ...change, conclusion, now: attempt.now });
  return { run: toRun(settled), conclusion };
}

/** Returns whether the run keeps no reservation: it is over, or nobody knows for how long it waits. */
function releasesReservation(conclusion: Conclusion): boolean {
  return isOver(conclusion) || conclusion.status === 'awaits_session_budget';
}

/** The sums of a run over its attempts, with the attempt that has just ended. */
function addToSums(row: Selectable<RunsTable>, attempt: { settlement: Settlement; charge: Charge }) {
  const { settlement, charge } = attempt;
  const usage = totalUsage(charge);
  return {
    cost_micros: row.cost_micros + charge.costMicros,
    input_tokens: row.input_tokens + usage.inputTokens,
    output_tokens: row.output_tokens + usage.outputTokens,
    cache_read_tokens: row.cache_read_tokens + usage.cacheReadTokens,
    cache_creation_tokens: row.cache_creation_tokens + usage.cacheCreationTokens,
    model_usage: JSON.stringify(addModels(row.model_usage as Spending['models'], charge.models)),
    tool_uses: JSON.stringify(addCounts(row.tool_uses as Record<string, number>, settlement.toolUses)),
    turns: row.turns + settlement.turns,
    duration_ms: (row.duration_ms ?? 0) + settlement.durationMs,
  };
}

/** The entry of the audit record for a run's end: its cost and its result. */
function toAuditOfEnd(
  row: Selectable<RunsTable>,
  { workerId }: { workerId: string | null },
): Pick<AuditRecord, 'actor' | 'data'> {
  const { agent, user_id: user, team, attempt, turns, result } = row;
  return {
    actor: workerId === null ? SYSTEM_ACTOR : workerActor(workerId),
    data: {
      agent,
      user,
      team,
      attempt,
      costUsd: toUsd(row.cost_micros),
      turns,
      durationMs: row.duration_ms,
      toolUses: row.tool_uses,
      result,
      ...(row.error_code !== null && { error: { code: row.error_code, detail: row.error_detail } }),
    },
  };
}

/** Returns whether the run was ended by a limit, or within its answer: its text so far was paid for, and is kept. */
function keepsText(conclusion: Conclusion): boolean {
  return conclusion.status === 'failed' && KEEPS_TEXT.has(conclusion.code);
}

const KEEPS_TEXT: ReadonlySet<RunErrorCode> = new Set([
  'max_budget',
  'max_turns',
  'user_budget',
  'team_budget',
  'global_budget',
  'max_output_tokens',
  'request_too_large',
  'model_refused',
  'answer_unfinished',
]);

/**
 * The text of the run's main conversation over all of its attempts, joined as `textOf` of the client does; null when
 * there is none.
 */
function saidSoFar(runId: string) {
  return sql`(
    select string_agg(case when place = 1 or "isContinuation" then text else E'\n\n' || text end, '' order by place)
      from (
        select said.data->>'text' as text, said.data->>'isContinuation' is not null as "isContinuation",
               row_number() over (order by said.seq) as place
          from longhaul.run_events as said
         where said.run_id = ${runId} and said.type = 'agent.text' and said.data->>'parentToolUseId' is null
           and not exists (
             select from longhaul.run_events as abandoned
              where abandoned.run_id = said.run_id and abandoned.type = 'agent.text.abandoned'
                and abandoned.seq > said.seq and abandoned.data->>'blockId' = said.data->>'blockId')) as kept)`;
}

/** Counted in the log, which also has the denials of a lost attempt. A denial may be in it twice. */
function deniedToolUses(runId: string) {
  return sql`(select coalesce(json_object_agg(name, uses), '{}') from (
    select data->>'name' as name, count(distinct data->>'toolUseId') as uses from longhaul.run_events
     where run_id = ${runId} and type = 'agent.permission_denied' group by 1) as denied)`;
}

/** Texts of processes and providers can be stored, and contain no key: operators read them, and alerts quote them. */
function toSoundSettlement(settlement: Settlement): Settlement {
  const { outcome, stderrTail } = settlement;
  const hasDetail = 'detail' in outcome && outcome.detail !== undefined;
  return {
    ...settlement,
    outcome: hasDetail ? { ...outcome, detail: toSoundText(outcome.detail) } : outcome,
    stderrTail: toSoundText(stderrTail),
    metered: toSound(settlement.metered),
    reported: settlement.reported && toSound(settlement.reported),
  };
}

function toSoundText(text: string): string {
  return maskSecrets(toStorable(text));
}

async function closeAttemptRow(trx: Transaction, options: { row: Selectable<RunsTable>; settlement: Settlement }) {
  const { row, settlement } = options;
  const { outcome } = settlement;
  return trx
    .updateTable('longhaul.attempts')
    .set({
      finished_at: sql<Date>`now()`,
      outcome: outcome.status,
      ...(outcome.status === 'failed' && { error_code: outcome.code, error_detail: outcome.detail }),
      ...(outcome.status === 'handed_back' && outcome.detail !== undefined && { error_detail: outcome.detail }),
      exit_code: settlement.exitCode,
      signal: settlement.signal,
      stderr_tail: settlement.stderrTail,
      claude_code_version: settlement.claudeCodeVersion,
      metered: JSON.stringify(settlement.metered.models),
      metered_cost_micros: settlement.metered.costMicros,
      reported: settlement.reported && JSON.stringify(settlement.reported.models),
      reported_cost_micros: settlement.reported?.costMicros ?? null,
      peak_memory_bytes: settlement.peakMemoryBytes,
    })
    .where('run_id', '=', row.id)
    .where('number', '=', row.attempt)
    .returning(['id', sql<Date>`clock_timestamp()`.as('now')])
    .executeTakeFirstOrThrow();
}

/**
 * The outcome to record: an attempt that ended so that its run waits for a person was not handed back, and an attempt
 * that ended at the budget of its session has not failed.
 */
function toAttemptEnd(status: AttemptOutcome['status'], conclusion: Conclusion): AttemptEnd {
  if (conclusion.status === 'awaits_session_budget' || conclusion.status === 'budget_raised') return 'waiting';
  return status === 'handed_back' && conclusion.status === 'awaits_approval' ? 'waiting' : status;
}

async function noteAttemptEnd(trx: Transaction, { attemptId, end }: { attemptId: string; end: AttemptEnd }) {
  await trx.updateTable('longhaul.attempts').set({ outcome: end }).where('id', '=', attemptId).execute();
}

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (Object.hasOwn(sum, name) ? (sum[name] ?? 0) : 0) + count;
  return sum;
}
