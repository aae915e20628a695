import { keyActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import type { AuditAction } from '../audit/actions.ts';
import { createId } from '../core/ids.ts';
import type { Database, Transaction } from '../db/database.ts';
import { isSeenBy, type Viewer } from '../run/viewer.ts';
import { toTicks } from './cron.ts';
import { refuseTooMany } from './limit-owners.ts';
import { findNextTick } from './next-tick.ts';
import { toSchedule, type Schedule, type ScheduleRow } from './schedule.ts';

/** The properties of a new schedule. */
export type NewSchedule = Pick<
  Schedule,
  | 'name'
  | 'agent'
  | 'prompt'
  | 'cron'
  | 'timeZone'
  | 'user'
  | 'team'
  | 'tenant'
  | 'metadata'
  | 'priority'
  | 'limits'
  | 'webhookUrl'
  | 'missed'
  | 'createdBy'
>;

/** The properties that can be changed. */
export type ScheduleChange = Partial<Omit<NewSchedule, 'user' | 'team' | 'tenant' | 'createdBy'>>;

/** The schedule that a caller names, and the current time. */
interface Meant {
  readonly id: string;
  readonly viewer: Viewer;
  /** The API key of the caller. */
  readonly keyId: string;
  readonly now: Date;
}

const WORDS = { rows: 'schedules', remedy: 'Delete one first.' } as const;

/**
 * Creates a schedule. Its first tick is the first after `now`.
 * @throws {LonghaulError} `conflict` when its user or team has reached the limit of schedules.
 */
export function createSchedule(
  database: Database,
  { schedule, now }: { schedule: NewSchedule; now: Date },
): Promise<Schedule> {
  return database.sql.transaction().execute(async (trx) => {
    await refuseTooMany(trx, { table: 'longhaul.schedules', words: WORDS, owner: schedule });
    const row = await trx
      .insertInto('longhaul.schedules')
      .values({
        id: createId(),
        user_id: schedule.user,
        team: schedule.team,
        tenant: schedule.user === null ? null : schedule.tenant,
        created_by: schedule.createdBy,
        ...toColumns(schedule),
        next_at: toTicks(schedule.cron, schedule.timeZone).next(now),
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await audit(trx, { action: 'schedule.created', row, keyId: schedule.createdBy });
    return toSchedule(row);
  });
}

/**
 * Changes a schedule; null when none exists. With another cron or time zone its ticks are computed again from `now` on.
 */
export function changeSchedule(
  database: Database,
  { change, ...meant }: Meant & { readonly change: (schedule: Schedule) => ScheduleChange },
): Promise<Schedule | null> {
  return changeLocked(database, meant, async (trx, row) => {
    const changed = change(toSchedule(row));
    const { cron = row.cron, timeZone = row.time_zone } = changed;
    const isMoved = cron !== row.cron || timeZone !== row.time_zone;
    const next =
      isMoved && row.paused_at === null
        ? { next_at: findNextTick({ cron, timeZone, lastAt: row.last_at, now: meant.now }) }
        : {};
    return update(trx, row.id, { ...toColumns({ ...toSchedule(row), ...changed }), ...next }, async (after) =>
      audit(trx, { action: 'schedule.changed', row: after, keyId: meant.keyId }),
    );
  });
}

/** Pauses a schedule, so that it submits no runs; null when none exists. A paused schedule stays as it is. */
export function pauseSchedule(database: Database, meant: Meant): Promise<Schedule | null> {
  return changeLocked(database, meant, async (trx, row) => {
    if (row.paused_at !== null) return row;
    return update(trx, row.id, { paused_at: meant.now, paused_reason: 'by_hand', next_at: null }, async (after) =>
      audit(trx, { action: 'schedule.paused', row: after, keyId: meant.keyId }),
    );
  });
}

/**
 * Resumes a paused schedule from `now` on; ticks during the pause submit no runs later. A schedule that was paused
 * because its key was revoked then belongs to the key that resumes it, and no longer notifies the revoked key's
 * webhooks. Null when none exists.
 */
export function resumeSchedule(database: Database, meant: Meant): Promise<Schedule | null> {
  return changeLocked(database, meant, async (trx, row) => {
    if (row.paused_at === null) return row;
    const isTakenOver = row.paused_reason === 'key_revoked' && row.created_by !== meant.keyId;
    const takeover = isTakenOver ? { created_by: meant.keyId, webhook_url: null } : {};
    const { cron, time_zone: timeZone, last_at: lastAt } = row;
    const next_at = findNextTick({ cron, timeZone, lastAt, now: meant.now });
    return update(trx, row.id, { paused_at: null, paused_reason: null, next_at, ...takeover }, async (after) =>
      audit(trx, { action: 'schedule.resumed', row: after, keyId: meant.keyId }),
    );
  });
}

/** Deletes a schedule, and keeps its runs; returns it as it was, or null when none exists. */
export function removeSchedule(database: Database, meant: Omit<Meant, 'now'>): Promise<Schedule | null> {
  return changeLocked(database, meant, async (trx, row) => {
    await trx.deleteFrom('longhaul.schedules').where('id', '=', row.id).execute();
    await audit(trx, { action: 'schedule.removed', row, keyId: meant.keyId });
    return row;
  });
}

/** Locks the schedule's row: waits for a tick in progress, and the next tick finds the change. */
function changeLocked(
  database: Database,
  { id, viewer }: Pick<Meant, 'id' | 'viewer'>,
  work: (trx: Transaction, row: ScheduleRow) => Promise<ScheduleRow>,
): Promise<Schedule | null> {
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('longhaul.schedules')
      .selectAll()
      .where('id', '=', id)
      .where(isSeenBy(viewer))
      .forUpdate()
      .executeTakeFirst();
    return row === undefined ? null : toSchedule(await work(trx, row));
  });
}

async function update(
  trx: Transaction,
  id: string,
  values: Partial<ReturnType<typeof toColumns>> &
    Partial<Omit<ScheduleRow, 'metadata' | 'requested_limits' | 'last_error'>>,
  then: (row: ScheduleRow) => Promise<void>,
): Promise<ScheduleRow> {
  const row = await trx
    .updateTable('longhaul.schedules')
    .set(values)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await then(row);
  return row;
}

function toColumns(schedule: Omit<NewSchedule, 'user' | 'team' | 'tenant' | 'createdBy'>) {
  return {
    name: schedule.name,
    agent: schedule.agent,
    prompt: schedule.prompt,
    cron: schedule.cron.trim(),
    time_zone: schedule.timeZone,
    metadata: JSON.stringify(schedule.metadata),
    priority: schedule.priority,
    requested_limits: JSON.stringify(schedule.limits),
    webhook_url: schedule.webhookUrl,
    missed: schedule.missed,
  };
}

interface Audited {
  readonly action: Extract<AuditAction, `schedule.${string}`>;
  readonly row: ScheduleRow;
  readonly keyId: string;
}

async function audit(trx: Transaction, { action, row, keyId }: Audited): Promise<void> {
  const { name, agent, cron, time_zone: timeZone, user_id: user, team, missed, prompt } = row;
  const data = { name, agent, cron, timeZone, user, team, missed, prompt };
  await recordAudit(trx, { actor: keyActor({ keyId }), action, subject: row.id, data });
}
