import { isOperator, mayRead, toMaxPriority, toViewer, type Caller } from '../../access/caller.ts';
import type { Config } from '../../config/config.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import { readNow } from '../../db/read-now.ts';
import { findSchedule } from '../../schedule/read-schedules.ts';
import type { Schedule } from '../../schedule/schedule.ts';
import { checkPriority } from '../check-submission.ts';
import type { ScheduleResource } from '../contract.ts';
import { fieldError } from '../problem.ts';
import { checkWebhookUrl } from '../webhook-access.ts';
import { idParams } from './requests.ts';

/** Path parameters of a route about one schedule. */
export const scheduleParams = idParams('a schedule');

interface Named {
  readonly id: string;
  readonly caller: Caller;
}

/** @throws {LonghaulError} `not_found` when the schedule is null. */
export function requireFound(schedule: Schedule | null, id: string): Schedule {
  if (schedule !== null) return schedule;
  throw new LonghaulError('not_found', { message: `There is no schedule ${id}.` });
}

/**
 * Reads a schedule that the caller may see.
 * @throws {LonghaulError} `not_found`.
 */
export async function requireSchedule(database: Database, { id, caller }: Named): Promise<Schedule> {
  return requireFound(await findSchedule(database, { id, viewer: toViewer(caller) }), id);
}

/** Names a schedule for a change by the caller, at the time of the clock that decides on ticks. */
export async function toNamed(database: Database, { id, caller }: Named) {
  return { id, viewer: toViewer(caller), keyId: caller.keyId, now: await readNow(database) };
}

/**
 * Checks the fields of a schedule that not every caller may set freely.
 * @throws {LonghaulError} `invalid_request` or `forbidden`, naming the field.
 */
export function checkFields(
  { webhookUrl, priority = 0 }: { webhookUrl?: string | null | undefined; priority?: number | undefined },
  { caller, config }: { caller: Caller; config: Config },
): void {
  if (webhookUrl !== undefined && webhookUrl !== null) {
    checkWebhookUrl(webhookUrl, { path: 'webhookUrl', caller, config: config.webhooks });
  }
  const [error] = checkPriority(priority, toMaxPriority(caller, config.limits));
  if (error !== undefined) throw fieldError(error.path, error.message);
}

/** Returns whether the caller may see and change `webhookUrl`. Posts to it are signed for the schedule's key. */
function ownsWebhook({ createdBy }: Schedule, caller: Caller): boolean {
  return isOperator(caller) || (caller.kind === 'key' && caller.keyId === createdBy);
}

/** @throws {LonghaulError} `forbidden` when the caller may not change `webhookUrl`. */
export function requireOwnWebhook(schedule: Schedule, caller: Caller): void {
  if (ownsWebhook(schedule, caller)) return;
  throw new LonghaulError('forbidden', {
    message: 'Another API key created this schedule; only that key and operators may change its webhookUrl.',
    errors: [{ path: 'webhookUrl', message: 'must be left out' }],
  });
}

/** Converts a schedule for the caller: without `runs:read` it sees that the schedule exists, but not its prompt. */
export function toScheduleResource(whole: Schedule, caller: Caller): ScheduleResource {
  const { createdBy: _, tenant: __, createdAt, pausedAt, nextAt, lastAt, ...schedule } = whole;
  return {
    ...schedule,
    webhookUrl: ownsWebhook(whole, caller) ? schedule.webhookUrl : null,
    prompt: mayRead(caller) ? schedule.prompt : '',
    metadata: mayRead(caller) ? { ...schedule.metadata } : {},
    lastError: mayRead(caller) ? schedule.lastError : null,
    createdAt: createdAt.toISOString(),
    pausedAt: pausedAt?.toISOString() ?? null,
    nextAt: nextAt?.toISOString() ?? null,
    lastAt: lastAt?.toISOString() ?? null,
  };
}
