import type { Selectable } from 'kysely';
import type { RunLimits } from '../core/limits.ts';
import type { ScheduleTables } from '../db/tables/schedules.ts';

/** The treatment of ticks that were missed while no server was running. */
export const MISSED = ['skip', 'once', 'all'] as const;

export type Missed = (typeof MISSED)[number];

/** The reason why the last tick submitted no run. */
export interface ScheduleError {
  readonly code: string;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
}

/** A run that is submitted repeatedly, by the clock. */
export interface Schedule {
  readonly id: string;
  readonly name: string | null;
  readonly agent: string;
  readonly prompt: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly user: string | null;
  readonly team: string | null;
  /** The team that the user belongs to; null: the user is the application's, or there is none. */
  readonly tenant: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly limits: Partial<RunLimits>;
  readonly webhookUrl: string | null;
  readonly missed: Missed;
  /** The API key that its runs belong to. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly pausedAt: Date | null;
  readonly pausedReason: 'by_hand' | 'key_revoked' | null;
  /** Null: paused, or no tick is left. */
  readonly nextAt: Date | null;
  /** The last tick that submitted a run or was rejected. */
  readonly lastAt: Date | null;
  readonly lastRunId: string | null;
  readonly lastError: ScheduleError | null;
}

export type ScheduleRow = Selectable<ScheduleTables['longhaul.schedules']>;

/** Converts a row of `longhaul.schedules` to a schedule. No other function does. */
export function toSchedule(row: ScheduleRow): Schedule {
  return {
    id: row.id,
    name: row.name,
    agent: row.agent,
    prompt: row.prompt,
    cron: row.cron,
    timeZone: row.time_zone,
    user: row.user_id,
    team: row.team,
    tenant: row.tenant,
    metadata: row.metadata as Schedule['metadata'],
    priority: row.priority,
    limits: row.requested_limits as Partial<RunLimits>,
    webhookUrl: row.webhook_url,
    missed: row.missed,
    createdBy: row.created_by,
    createdAt: row.created_at,
    pausedAt: row.paused_at,
    pausedReason: row.paused_reason,
    nextAt: row.next_at,
    lastAt: row.last_at,
    lastRunId: row.last_run_id,
    lastError: row.last_error as ScheduleError | null,
  };
}
