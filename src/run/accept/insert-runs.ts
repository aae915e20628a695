import { sql, type InsertObject, type RawBuilder, type Selectable } from 'kysely';
import { keyActor } from '../../audit/actors.ts';
import { insertAudit, type AuditRecord } from '../../audit/record.ts';
import { LonghaulError } from '../../core/errors.ts';
import { createId } from '../../core/ids.ts';
import type { Micros } from '../../core/money.ts';
import { notifyAfterCommit } from '../../db/after-commit.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';
import type { RunsTable, Tables } from '../../db/tables.ts';
import type { Queue } from '../../queue/queue.ts';
import { writeEvents } from '../log/write-events.ts';
import { keepFiles } from '../attachments/files.ts';
import { forkSession, keepSessions } from './fork-session.ts';
import { toBudgetError } from '../money/budget-error.ts';
import { parkRun } from '../waiting/park.ts';
import { nextRanks, toQueueMessage } from '../waiting/place-in-line.ts';
import { isWaitedFor, reserveBudgets, type FullBudget } from '../money/reserve-budget.ts';
import type { RunRules } from '../rules.ts';
import { leftOf } from '../run.ts';
import { readLeftOfSessions } from '../sessions/session-budget.ts';
import type { Submission } from './submission.ts';

interface InsertOptions {
  readonly queue: Queue;
  readonly rules: RunRules;
  /** The runs' ids, in rising order: one for each submission. */
  readonly ids: readonly string[];
  readonly submissions: readonly Submission[];
  /**
   * True when the submissions were accepted before: then none is rejected, and a run without money waits for its
   * budget. Defaults to false.
   */
  readonly isPromised?: boolean;
}

/**
 * Inserts runs in `trx`, each with its first event, its reservation, its entry in the audit record and its queue
 * message: a thousand runs take as many statements as one. Returns their rows in order.
 *
 * Sessions come first, because followers wait for transactions that have written events. Budgets come last, because
 * every run locks the global account.
 * @throws {LonghaulError} `conflict` when a run must be the only retry of another and is not; `user_budget`,
 * `team_budget` or `global_budget` when no money is left for a run: `errors` names each by its index.
 */
export async function insertRuns(trx: Transaction, options: InsertOptions): Promise<Selectable<RunsTable>[]> {
  const { queue, rules, ids, submissions, isPromised = false } = options;
  for (const submission of submissions) if (submission.isOnlyRetry === true) await refuseSecondRetry(trx, submission);
  const sessionIds = await enterSessions(trx, submissions);
  const ceilings = await readLeftOfSessions(trx, toContinued(submissions));
  const ranks = await nextRanks(
    trx,
    submissions.map(({ agent, user, team, priority, startAfter }) => ({
      queue: agent.queue,
      user,
      team,
      priority,
      isDelayed: startAfter !== null,
    })),
  );
  const rows = await writeRuns(trx, { ids, submissions, sessionIds, ceilings, ranks });
  await keepFiles(
    trx,
    submissions.map(({ parts = null }, index) => ({ runId: ids[index]!, parts })),
  );
  await queue.enqueueAll(
    trx,
    // A run that has to wait for an earlier run of its session is queued when that run ends.
    rows.filter(({ held_for }) => held_for === null).map((row) => toQueueMessage(row, row.start_after)),
  );
  const amounts = rows.map(leftOf);
  const fulls = await reserveBudgets(trx, { runIds: ids, amounts, rules });
  if (!isPromised) refuseTooDear({ fulls, amounts, rules });
  for (const [index, full] of fulls.entries()) {
    // A run that is held for its session is not parked as well: the claim reserves its money.
    if (full === null || rows[index]?.held_for === 'session') continue;
    const { id, start_after } = rows[index]!;
    const until = new Date(Math.max(Date.parse(full.resetsAt), start_after?.getTime() ?? 0));
    rows[index] = await parkRun(trx, {
      queue,
      runId: id,
      attempt: 0,
      waitingFor: 'budget',
      until,
      scope: full.scope,
    });
  }
  return rows;
}

/**
 * Inserts the rows of runs with their first events and their entries in the audit record, in one statement, so that they
 * cost one round trip. Notifies watchers after the commit. Returns the rows in order.
 */
async function writeRuns(trx: Transaction, options: RowsOptions): Promise<Selectable<RunsTable>[]> {
  const { ids, submissions } = options;
  const records = submissions.flatMap((submission, index) => toAuditRecords(ids[index]!, submission));
  const { rows } = await sql<Selectable<RunsTable>>`
    with inserted as (${trx.insertInto('longhaul.runs').values(toRows(options)).returningAll()}),
    audited as (${insertAudit(trx, records)}),
    log as (
      select id as run_id, 0 as last_seq, user_id, team, tenant,
             json_build_array(json_build_object('type', 'run.queued', 'data',
               json_build_object('agent', agent, 'reason', 'submitted'))) as events
        from inserted),
    written as (${writeEvents(0)})
    select * from inserted order by id`.execute(trx);
  for (const { id } of rows) notifyAfterCommit(trx, CHANNELS.events, id);
  return rows;
}

/** Returns the session of each submission: a new one, the one it continues, or a fork of that. */
async function enterSessions(trx: Transaction, submissions: readonly Submission[]): Promise<string[]> {
  await keepSessions(trx, toContinued(submissions));
  const sessionIds: string[] = [];
  for (const { session = null } of submissions) {
    const sessionId = session === null || session.isFork ? createId() : session.id;
    if (session?.isFork === true) await forkSession(trx, { baseId: session.id, sessionId });
    sessionIds.push(sessionId);
  }
  return sessionIds;
}

function toContinued(submissions: readonly Submission[]): string[] {
  return submissions.flatMap(({ session }) => (session?.isFork === false ? [session.id] : []));
}

interface RowsOptions extends Pick<InsertOptions, 'ids' | 'submissions'> {
  readonly sessionIds: readonly string[];
  /** The money that the budgets of sessions leave; the claim computes it again. */
  readonly ceilings: ReadonlyMap<string, Micros>;
  readonly ranks: Awaited<ReturnType<typeof nextRanks>>;
}

function toRows({
  ids,
  submissions,
  sessionIds,
  ceilings,
  ranks,
}: RowsOptions): InsertObject<Tables, 'longhaul.runs'>[] {
  return submissions.map((submission, index) => {
    const { agent, user, startAfter } = submission;
    return {
      id: ids[index]!,
      agent: agent.name,
      queue: agent.queue,
      status: 'queued',
      prompt: submission.prompt,
      parts: toJson(submission.parts),
      user_id: user,
      team: submission.team,
      tenant: toTenant(submission),
      session_id: sessionIds[index]!,
      metadata: JSON.stringify(submission.metadata),
      priority: submission.priority,
      fair_rank: ranks[index]!.fair,
      team_rank: ranks[index]!.team,
      limits: JSON.stringify(submission.limits),
      requested_limits: JSON.stringify(submission.requestedLimits),
      session_ceiling_micros: ceilings.get(sessionIds[index]!) ?? null,
      max_attempts: agent.retry.maxAttempts,
      retry_policy: JSON.stringify(agent.retry),
      retry_of: submission.retryOf,
      start_after: startAfter,
      ...toWebhookColumns(submission),
      schedule_id: submission.schedule?.id ?? null,
      scheduled_for: submission.schedule?.tickAt ?? null,
      trace: toJson(submission.trace),
      created_by: submission.createdBy,
      event_seq: 1,
    };
  });
}

function toJson(value: object | null | undefined): string | null {
  return value == null ? null : JSON.stringify(value);
}

/** A run without a user has no tenant: there is no user name that could occur twice. */
function toTenant({ user, tenant = null }: Submission): string | null {
  return user === null ? null : tenant;
}

/** A retry notifies the same webhooks as the first run, even if another key submits it. */
function toWebhookColumns({ webhookUrl = null, retryOf }: Submission) {
  if (retryOf === null) return { webhook_url: webhookUrl };
  const earlier = (value: RawBuilder<string | null>) =>
    sql<string | null>`(select ${value} from longhaul.runs where id = ${retryOf})`;
  return {
    webhook_url: webhookUrl ?? earlier(sql`webhook_url`),
    webhook_key_id: earlier(sql`coalesce(webhook_key_id, created_by::uuid)`),
  };
}

function toAuditRecords(runId: string, submission: Submission): AuditRecord[] {
  const { agent, prompt, user, team, limits, retryOf, schedule } = submission;
  const { actor = keyActor({ keyId: submission.createdBy }) } = submission;
  const from = schedule === undefined ? {} : { schedule: schedule.id };
  const data = { agent: agent.name, user, team, prompt, limits, ...(retryOf !== null && { retryOf }), ...from };
  return [
    { actor, action: 'run.submitted', subject: runId, data },
    ...(retryOf === null ? [] : [{ actor, action: 'run.retried', subject: retryOf, data: { by: runId } } as const]),
  ];
}

/** Locks the run that is retried: of two retries at once the second waits, and finds the first. */
async function refuseSecondRetry(trx: Transaction, { retryOf }: Submission): Promise<void> {
  await trx.selectFrom('longhaul.runs').select('id').where('id', '=', retryOf).forUpdate().execute();
  const other = await trx.selectFrom('longhaul.runs').select('id').where('retry_of', '=', retryOf).executeTakeFirst();
  if (other === undefined) return;
  throw new LonghaulError('conflict', { message: `Run ${retryOf} has been retried already, by run ${other.id}.` });
}

interface Reserved {
  readonly fulls: readonly (FullBudget | null)[];
  readonly amounts: readonly number[];
  readonly rules: RunRules;
}

function refuseTooDear({ fulls, amounts, rules }: Reserved): void {
  const refused = fulls.flatMap((full, index) =>
    full === null || isWaitedFor(full, rules) ? [] : [{ full, index, amountMicros: amounts[index]! }],
  );
  const [first] = refused;
  if (first === undefined) return;
  const error = toBudgetError(first.full, first.amountMicros);
  if (fulls.length === 1) throw error;
  throw new LonghaulError(error.code, {
    message: `${error.message} None of the ${fulls.length} runs was submitted.`,
    details: error.details,
    retryAfterSeconds: error.retryAfterSeconds,
    // Without figures: they may be other users'.
    errors: refused.map(({ full, index }) => ({
      path: `runs[${index}]`,
      message: `does not fit into the budget ${full.scope === 'global' ? 'for all runs together' : `of its ${full.scope}`} beside the runs before it`,
    })),
  });
}
