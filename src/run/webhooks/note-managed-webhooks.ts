import { sql } from 'kysely';
import { createId } from '../../core/ids.ts';
import { toManagedBody, WEBHOOK_ATTEMPTS, type ManagedWebhookEvent } from '../../core/webhooks.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';

interface Happened {
  /** In order. */
  readonly types: readonly ManagedWebhookEvent[];
  /** The id that clients know the object by. */
  readonly subject: string;
  /** The session that the event is about. Defaults to none. */
  readonly sessionId?: string | null;
  /** The owners of an object that is no session. Defaults to none: every key may see it. */
  readonly owners?: Owners;
}

interface Owners {
  readonly user: string | null;
  readonly team: string | null;
  readonly tenant: string | null;
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
export async function noteManagedWebhooks(trx: Transaction, happened: Happened): Promise<void> {
  const { types, subject, sessionId = null, owners } = happened;
  const owner =
    owners === undefined
      ? sql`select user_id, team, tenant from longhaul.sessions where id = ${sessionId}::uuid`
      : sql`values (${owners.user}::text, ${owners.team}::text, ${owners.tenant}::text)`;
  const isOpen = sessionId === null && owners === undefined;
  const { rows: targets } = await sql<Target>`
    select endpoint.id as endpoint_id, endpoint.key_id, endpoint.url, told.type, clock_timestamp() as at
      from longhaul.webhook_endpoints as endpoint
      join unnest(${sql.val([...types])}::text[]) with ordinality as told (type, place) on told.type = any(endpoint.events)
      left join (${owner}) as owner (user_id, team, tenant) on true
     where endpoint.format = 'anthropic' and endpoint.disabled_at is null
       and (${isOpen}::boolean or ${IS_SEEN})
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

/** SQL: what `isSeenBy` says of the object, for the viewer that the endpoint's key is bound to. */
const IS_SEEN = sql`(
  (endpoint.user_id is null or owner.user_id = endpoint.user_id and (endpoint.team is not null or owner.tenant is null))
  and (endpoint.team is null or owner.team = endpoint.team))`;
