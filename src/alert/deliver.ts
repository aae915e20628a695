import { sql } from 'kysely';
import { toMessage } from '../core/errors.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import type { Database } from '../db/database.ts';
import type { AlertContent, Happening } from './alert.ts';
import type { Channel } from './channels/channel.ts';

/** Time after which a claimed delivery is claimed again: the previous process died, or lost the database. */
const TAKEN_MS = 60_000;

/** Time limit of a channel. */
const TIMEOUT_MS = 10_000;

const FIRST_RETRY_MS = 10_000;
const LAST_RETRY_MS = 3_600_000;
const GIVE_UP_AFTER_MS = 24 * 3_600_000;

interface Delivery {
  readonly id: string;
  readonly what: Happening;
  readonly content: AlertContent;
  readonly attempts: number;
  readonly at: Date;
}

interface DeliverOptions {
  readonly channel: Channel;
  readonly readNow: () => Promise<Date>;
  /** Aborts when the process is stopping: a delivery in progress is left to another process. */
  readonly signal: AbortSignal;
  /** Called after each failed attempt. */
  readonly onFailure: (failure: { id: string; attempts: number; reason: string; isLast: boolean }) => void;
}

/**
 * Delivers the due messages of a channel, one after another, and the messages of one alert in order, so that no end
 * arrives before its beginning. A failed delivery is retried after 10 s, 30 s, … up to an hour, for a day. A delivery
 * may arrive twice, when its process dies between sending and recording it: both have the same id.
 */
export async function deliverDue(database: Database, options: DeliverOptions): Promise<void> {
  const { channel, readNow, signal, onFailure } = options;
  while (!signal.aborted) {
    const delivery = await takeDelivery(database, { channel: channel.name, now: await readNow() });
    if (delivery === null) return;
    const reason = await trySending(channel, { delivery, signal });
    const now = await readNow();
    if (reason === null) {
      await note(database, delivery, { status: 'delivered', delivered_at: now, last_error: null });
    } else if (signal.aborted) {
      await note(database, delivery, { next_attempt_at: now });
    } else {
      const { id, attempts, at } = delivery;
      const next = new Date(now.getTime() + Math.min(FIRST_RETRY_MS * 3 ** (attempts - 1), LAST_RETRY_MS));
      const isLast = next.getTime() - at.getTime() > GIVE_UP_AFTER_MS;
      const outcome = isLast ? { status: 'failed' as const } : { next_attempt_at: next };
      await note(database, delivery, { ...outcome, last_error: reason });
      onFailure({ id, attempts, reason, isLast });
    }
  }
}

/** Returns null once the channel has accepted the delivery, or the reason why it has not. */
async function trySending(
  channel: Channel,
  { delivery, signal }: { delivery: Delivery; signal: AbortSignal },
): Promise<string | null> {
  const { id, what, at, content: alert } = delivery;
  const deadline = AbortSignal.timeout(TIMEOUT_MS);
  try {
    await channel.send({ id, what, at, alert }, AbortSignal.any([signal, deadline]));
    return null;
  } catch (error) {
    return deadline.aborted ? `no answer within ${TIMEOUT_MS / 1_000} s` : maskSecrets(toMessage(error));
  }
}

/** Claims the next delivery; skips deliveries that another process is claiming. */
async function takeDelivery(
  database: Database,
  { channel, now }: { channel: string; now: Date },
): Promise<Delivery | null> {
  const { rows } = await sql<Delivery>`
    update longhaul.alert_deliveries
       set attempts = attempts + 1, next_attempt_at = ${new Date(now.getTime() + TAKEN_MS)}::timestamptz
     where id = (
       select id from longhaul.alert_deliveries as due
        where channel = ${channel} and status = 'pending' and next_attempt_at <= ${now}::timestamptz
          and not exists (
            select from longhaul.alert_deliveries as earlier
             where earlier.alert_id = due.alert_id and earlier.channel = due.channel
               and earlier.status = 'pending' and earlier.id < due.id)
        order by id limit 1 for update skip locked)
    returning id, what, content, attempts, at`.execute(database.sql);
  return rows[0] ?? null;
}

interface Note {
  readonly status?: 'delivered' | 'failed';
  readonly delivered_at?: Date;
  readonly next_attempt_at?: Date;
  readonly last_error?: string | null;
}

/** Records the outcome, unless another process has claimed the delivery. */
async function note(database: Database, { id, attempts }: Delivery, values: Note): Promise<void> {
  await database.sql
    .updateTable('longhaul.alert_deliveries')
    .set(values)
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .execute();
}
