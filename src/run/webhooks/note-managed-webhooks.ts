import { sql } from 'kysely';
import { createId } from '../../core/ids.ts';
import { toManagedBody, WEBHOOK_ATTEMPTS, type ManagedWebhookEvent } from '../../core/webhooks.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';

interface Happened {
  /** In order. */
  readonly types: readonly ManagedWebhookEvent[];
  /** The id that clients know the object by. */
  readonly subject: string;
  /** The session, which not every key may see; null: the object belongs to nobody, and every key may see it. */
  readonly sessionId: string | null;
}

interface Target {
  readonly endpoint_id: string;
  readonly key_id: string;
  readonly url: string;
  readonly type: ManagedWebhookEvent;
  readonly at: Date;
}

/**
 * Queues the webhook deliveries of events of managed agents, in the transaction that makes them true: to each endpoint of
 * that format whose API key may see the object. A session must still exist.
 *
 * Reads endpoints without a lock, as `noteWebhooks` does.
 */
export async function noteManagedWebhooks(trx: Transaction, { types, subject, sessionId }: Happened): Promise<void> {
  const { rows: targets } = await sql<Target>`
    select endpoint.id as endpoint_id, endpoint.key_id, endpoint.url, told.type, clock_timestamp() as at
      from longhaul.webhook_endpoints as endpoint
      join unnest(${sql.val([...types])}::text[]) with ordinality as told (type, place) on told.type = any(endpoint.events)
      left join longhaul.sessions as session on session.id = ${sessionId}::uuid
     where endpoint.format = 'anthropic' and endpoint.disabled_at is null
       and (${sessionId}::uuid is null or ${IS_SEEN})
       and not exists (select from longhaul.api_keys where id = endpoint.key_id and revoked_at is not null)
     order by told.place, endpoint.id`.execute(trx);
  if (targets.length === 0) return;
  await trx
    .insertInto('longhaul.webhook_deliveries')
    .values(
      targets.map(({ endpoint_id, key_id, url, type, at }) => {
        const id = createId();
        return {
          id,
          run_id: null,
          session_id: sessionId,
          endpoint_id,
          key_id,
          type,
          url,
          body: toManagedBody({ id, type, subject, at }),
          lane: endpoint_id,
          attempts_left: WEBHOOK_ATTEMPTS,
        };
      }),
    )
    .execute();
  await sql`select pg_notify(${CHANNELS.webhooks}, '')`.execute(trx);
}

/** SQL: what `isSeenBy` says of the session, for the viewer that the endpoint's key is bound to. */
const IS_SEEN = sql`(
  session.id is not null
  and (endpoint.user_id is null
       or session.user_id = endpoint.user_id and (endpoint.team is not null or session.tenant is null))
  and (endpoint.team is null or session.team = endpoint.team))`;
