import { sql } from 'kysely';
import { keyActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import type { AlertSeverity } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { toAlert, type Alert, type Happening } from './alert.ts';

export interface AlertDelivery {
  readonly channel: string;
  readonly what: Happening;
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly at: Date;
  /** Null when the delivery is finished. */
  readonly nextAttemptAt: Date | null;
  readonly deliveredAt: Date | null;
  readonly lastError: string | null;
}

/** An alert with all its deliveries, in order. */
export interface ToldAlert extends Alert {
  readonly deliveries: readonly AlertDelivery[];
}

interface ListOptions {
  readonly state?: Alert['state'] | undefined;
  readonly severity?: AlertSeverity | undefined;
  /** Alerts opened before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Returns a page of alerts, newest first, and whether there are more. */
export async function listAlerts(
  database: Database,
  { state, severity, before, limit }: ListOptions,
): Promise<{ alerts: ToldAlert[]; hasMore: boolean }> {
  let query = database.sql
    .selectFrom('longhaul.alerts')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (state !== undefined) query = query.where('state', '=', state);
  if (severity !== undefined) query = query.where('severity', '=', severity);
  if (before !== undefined) query = query.where('id', '<', before);
  const rows = await query.execute();
  const alerts = await withDeliveries(database, rows.slice(0, limit).map(toAlert));
  return { alerts, hasMore: rows.length > limit };
}

/**
 * Acknowledges an alert: it is not repeated any more unless it becomes worse. The first acknowledgement counts. Returns
 * the alert, or null when there is none with this id.
 */
export async function acknowledgeAlert(
  database: Database,
  { id, keyId }: { id: string; keyId: string },
): Promise<ToldAlert | null> {
  await database.sql.transaction().execute(async (trx) => {
    const acknowledged = await trx
      .updateTable('longhaul.alerts')
      .set({ acknowledged_at: sql<Date>`clock_timestamp()`, acknowledged_by: keyId })
      .where('id', '=', id)
      .where('acknowledged_at', 'is', null)
      .returning('key')
      .executeTakeFirst();
    if (acknowledged === undefined) return;
    const { key } = acknowledged;
    await recordAudit(trx, { actor: keyActor({ keyId }), action: 'alert.acknowledged', subject: id, data: { key } });
  });
  const row = await database.sql.selectFrom('longhaul.alerts').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return null;
  const [alert] = await withDeliveries(database, [toAlert(row)]);
  return alert ?? null;
}

async function withDeliveries(database: Database, alerts: readonly Alert[]): Promise<ToldAlert[]> {
  if (alerts.length === 0) return [];
  const rows = await database.sql
    .selectFrom('longhaul.alert_deliveries')
    .selectAll()
    .where(
      'alert_id',
      'in',
      alerts.map(({ id }) => id),
    )
    .orderBy('id')
    .execute();
  const byAlert = Map.groupBy(rows, (row) => row.alert_id);
  return alerts.map((alert) => ({
    ...alert,
    deliveries: (byAlert.get(alert.id) ?? []).map((row) => ({
      channel: row.channel,
      what: row.what,
      status: row.status,
      attempts: row.attempts,
      at: row.at,
      nextAttemptAt: row.status === 'pending' ? row.next_attempt_at : null,
      deliveredAt: row.delivered_at,
      lastError: row.last_error,
    })),
  }));
}
