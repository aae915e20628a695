import { sql } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAuditMany } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { createId } from '../core/ids.ts';
import type { Database, Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { withoutFiguresOfOthers } from '../run/money/budget-error.ts';
import { insertRuns } from '../run/accept/insert-runs.ts';
import type { RunDeps } from '../run/rules.ts';
import type { Submission } from '../run/accept/submission.ts';
import { toTicks } from './cron.ts';
import { toSchedule, type Schedule, type ScheduleError, type ScheduleRow } from './schedule.ts';

export interface TickDeps extends RunDeps {
  /** @throws {LonghaulError} when its agent rejects the submission. */
  readonly toSubmission: (schedule: Schedule) => Submission;
}

/** The result of one tick. */
export interface Ticked {
  readonly scheduleId: string;
  /** Null: due ticks were missed, and skipped. */
  readonly tickAt: Date | null;
  readonly runId: string | null;
  readonly error: ScheduleError | null;
}

/** A tick within a minute of its time is not missed: a server may have been restarted meanwhile. */
const IN_TIME_MS = 60_000;

/** Most missed ticks for which runs are submitted later. */
const MOST_MADE_UP = 100;

/** Raised by `runs_once_a_tick`: the tick was made before, by a clock that was ahead. */
const UNIQUE_VIOLATION = '23505';

/**
 * Makes the tick that has been due longest, if any: its run, submitted as any other, and the schedule's next tick in
 * one transaction. If the run is rejected, that is recorded on its schedule instead. Null: nothing is due.
 *
 * Locks the schedule's row: of many servers one makes the tick, and the others skip it. A schedule that is changed or
 * deleted at the same time is read either before or after the change, never in between.
 */
export function tickNext(deps: TickDeps, now: Date): Promise<Ticked | null> {
  const { database, rules } = deps;
  const tick = async (trx: Transaction) => {
    const due = await lockDue(trx, { now, agents: [...rules.agents.keys()] });
    if (due === null) return null;
    const made = await makeTick(trx, { ...deps, due, now });
    const { tickAt, runId, error } = made;
    await trx
      .updateTable('longhaul.schedules')
      .set({
        next_at: due.nextAt,
        ...(tickAt !== null && { last_at: tickAt }),
        ...(runId !== null && { last_run_id: runId, last_error: null }),
        ...(error !== null && { last_error: JSON.stringify(error) }),
      })
      .where('id', '=', due.row.id)
      .execute();
    return made;
  };
  return retryDeadlock(() => database.sql.transaction().execute(tick));
}

/** Pauses the schedules whose API key was revoked; returns their ids. */
export async function pauseOfRevokedKeys({ database }: { database: Database }, now: Date): Promise<string[]> {
  return database.sql.transaction().execute(async (trx) => {
    const rows = await trx
      .updateTable('longhaul.schedules')
      .set({ paused_at: now, paused_reason: 'key_revoked', next_at: null })
      .where('paused_at', 'is', null)
      .where('created_by', 'in', (key) =>
        key.selectFrom('longhaul.api_keys').select('id').where('revoked_at', 'is not', null),
      )
      .returning(['id', 'name', 'agent'])
      .execute();
    await recordAuditMany(
      trx,
      rows.map(({ id, name, agent }) => ({
        actor: SYSTEM_ACTOR,
        action: 'schedule.paused',
        subject: id,
        data: { name, agent, reason: 'key_revoked' },
      })),
    );
    return rows.map(({ id }) => id);
  });
}

/**
 * Makes schedules continue from `now` on whose last tick is in the future: the clock was set back. Returns their
 * number.
 */
export async function followClockBack({ database }: { database: Database }, now: Date): Promise<number> {
  return database.sql.transaction().execute(async (trx) => {
    const rows = await trx
      .selectFrom('longhaul.schedules')
      .selectAll()
      .where('next_at', 'is not', null)
      .where('last_at', '>', new Date(now.getTime() + IN_TIME_MS))
      .forUpdate()
      .skipLocked()
      .execute();
    for (const { id, cron, time_zone } of rows) {
      const next_at = toTicks(cron, time_zone).next(now);
      await trx.updateTable('longhaul.schedules').set({ next_at, last_at: now }).where('id', '=', id).execute();
    }
    return rows.length;
  });
}

interface Due {
  readonly row: ScheduleRow;
  readonly tickAt: Date | null;
  /** The tick after this one. */
  readonly nextAt: Date | null;
}

/** For a minute, leaves a tick of an unknown agent to servers whose configuration has it. */
async function lockDue(
  trx: Transaction,
  { now, agents }: { now: Date; agents: readonly string[] },
): Promise<Due | null> {
  const row = await trx
    .selectFrom('longhaul.schedules')
    .selectAll()
    .where('next_at', '<=', now)
    .where(({ or, eb }) => or([eb('agent', 'in', agents), eb('next_at', '<=', new Date(now.getTime() - IN_TIME_MS))]))
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('longhaul.api_keys as key')
            .select('key.id')
            .whereRef('key.id', '=', 'longhaul.schedules.created_by')
            .where('key.revoked_at', 'is not', null),
        ),
      ),
    )
    .orderBy('next_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  return row === undefined ? null : toDue(row, now);
}

function toDue(row: ScheduleRow, now: Date): Due {
  const ticks = toTicks(row.cron, row.time_zone);
  const after = new Date(row.next_at!.getTime() - 1);
  const due = ticks.between({ after, until: now, count: row.missed === 'all' ? MOST_MADE_UP : 1 });
  const [first = null, second = null] = due;
  const isSkipped = row.missed === 'skip' && first !== null && now.getTime() - first.getTime() > IN_TIME_MS;
  return { row, tickAt: isSkipped ? null : first, nextAt: second ?? ticks.next(now) };
}

/** Submits the run. A rejection rolls back only the run: the schedule stays locked until the rejection is recorded. */
async function makeTick(trx: Transaction, options: TickDeps & { due: Due; now: Date }): Promise<Ticked> {
  const { queue, rules, toSubmission, due, now } = options;
  const { row, tickAt } = due;
  const ticked = { scheduleId: row.id, tickAt, runId: null, error: null };
  if (tickAt === null) return ticked;
  const runId = createId();
  await sql`savepoint tick`.execute(trx);
  try {
    const submission = { ...toSubmission(toSchedule(row)), actor: SYSTEM_ACTOR, schedule: { id: row.id, tickAt } };
    await insertRuns(trx, { queue, rules, ids: [runId], submissions: [submission] });
    return { ...ticked, runId };
  } catch (error) {
    const isMadeBefore = (error as { code?: unknown }).code === UNIQUE_VIOLATION;
    if (!isMadeBefore && !(error instanceof LonghaulError)) throw error;
    await sql`rollback to savepoint tick`.execute(trx);
    if (isMadeBefore) return ticked;
    // The owner of the schedule reads this text, so it must not contain an operator's figures.
    const { code, message } = withoutFiguresOfOthers(error) as LonghaulError;
    return { ...ticked, error: { code, message: maskSecrets(message), at: now.toISOString() } };
  }
}
