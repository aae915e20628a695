import type { Selectable } from 'kysely';
import type { AlertSeverity } from '../config/config.ts';
import type { AlertsTable } from '../db/tables.ts';

/** In rising order. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const satisfies AlertSeverity[];

export const ALERT_STATES = ['open', 'resolved'] as const;

/**
 * A condition that operators have to know. Its text contains agents, queues, budgets and ids; never a prompt or a
 * secret.
 */
export interface Alert {
  readonly id: string;
  /** The subject of the alert, such as `daily_cost` or `queue_depth:reader`. Open alerts have different keys. */
  readonly key: string;
  readonly rule: string;
  readonly severity: AlertSeverity;
  readonly state: (typeof ALERT_STATES)[number];
  readonly title: string;
  readonly detail: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly openedAt: Date;
  readonly lastSeenAt: Date;
  readonly notifiedAt: Date;
  readonly timesNotified: number;
  readonly resolvedAt: Date | null;
  readonly acknowledgedAt: Date | null;
  /** Id of the API key that acknowledged it. */
  readonly acknowledgedBy: string | null;
}

/** The event of an alert that a delivery reports. */
export type Happening = 'opened' | 'repeated' | 'resolved';

/** Converts a row of `longhaul.alerts` to an alert. No other function does this. */
export function toAlert(row: Selectable<AlertsTable>): Alert {
  return {
    id: row.id,
    key: row.key,
    rule: row.rule,
    severity: row.severity,
    state: row.state,
    title: row.title,
    detail: row.detail,
    data: row.data as Alert['data'],
    openedAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    notifiedAt: row.notified_at,
    timesNotified: row.times_notified,
    resolvedAt: row.resolved_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedBy: row.acknowledged_by,
  };
}

/** Returns whether `severity` is as severe as `least`, or more so. */
export function isAtLeast(severity: AlertSeverity, least: AlertSeverity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}

/** An alert in JSON: its times in ISO 8601. */
export type AlertContent = {
  readonly [Field in keyof Alert]: Alert[Field] extends Date
    ? string
    : Alert[Field] extends Date | null
      ? string | null
      : Alert[Field];
};

export function toAlertContent(alert: Alert): AlertContent {
  return {
    ...alert,
    openedAt: alert.openedAt.toISOString(),
    lastSeenAt: alert.lastSeenAt.toISOString(),
    notifiedAt: alert.notifiedAt.toISOString(),
    resolvedAt: alert.resolvedAt?.toISOString() ?? null,
    acknowledgedAt: alert.acknowledgedAt?.toISOString() ?? null,
  };
}
