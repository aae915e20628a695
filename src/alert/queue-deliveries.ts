import type { AlertChannel } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import type { Transaction } from '../db/database.ts';
import { isAtLeast, toAlertContent, type Alert, type Happening } from './alert.ts';

interface QueueOptions {
  readonly alert: Alert;
  readonly what: Happening;
  readonly now: Date;
  readonly channels: readonly Pick<AlertChannel, 'name' | 'minSeverity'>[];
}

/**
 * Queues deliveries of an alert's event for the channels, in the transaction of the event. A channel receives only
 * alerts that are severe enough for it, and an end only if it received the beginning.
 */
export async function queueDeliveries(trx: Transaction, { alert, what, now, channels }: QueueOptions): Promise<void> {
  const earlier = await trx
    .selectFrom('longhaul.alert_deliveries')
    .select('channel')
    .distinct()
    .where('alert_id', '=', alert.id)
    .execute();
  const told = new Set(earlier.map(({ channel }) => channel));
  const hearing =
    what === 'resolved'
      ? [...told]
      : channels.filter(({ minSeverity }) => isAtLeast(alert.severity, minSeverity)).map(({ name }) => name);
  if (hearing.length === 0) return;
  await trx
    .insertInto('longhaul.alert_deliveries')
    .values(
      hearing.map((channel) => ({
        id: createId(),
        alert_id: alert.id,
        channel,
        // For a channel with a higher minimum severity, an alert that became worse is new.
        what: told.has(channel) ? what : 'opened',
        content: JSON.stringify(toAlertContent(alert)),
        next_attempt_at: now,
        at: now,
      })),
    )
    .execute();
}
