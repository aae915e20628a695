import { sql, type Selectable } from 'kysely';
import { createId } from '../../core/ids.ts';
import { WEBHOOK_ATTEMPTS, type WebhookEvent } from '../../core/webhooks.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { toWebhookRun } from './webhook-run.ts';

interface Target {
  /** Null: the address that the submission named. */
  readonly endpoint_id: string | null;
  readonly key_id: string;
  readonly url: string;
  readonly at: Date;
}

/**
 * Queues the webhook deliveries of a run that has just ended or begun to wait, in the transaction that changes its
 * state and has locked its row. `row` is the run as it then is.
 *
 * Reads endpoints without a lock: an endpoint that is being deleted at this moment receives nothing.
 */
export async function noteWebhooks(trx: Transaction, row: Selectable<RunsTable>): Promise<void> {
  const type = toType(row.status);
  if (type === null) return;
  const targets = await findTargets(trx, { row, type });
  if (targets.length === 0) return;
  const told = toWebhookRun(row);
  await trx
    .insertInto('longhaul.webhook_deliveries')
    .values(
      targets.map(({ endpoint_id, key_id, url, at }) => ({
        id: createId(),
        run_id: row.id,
        endpoint_id,
        key_id,
        type,
        url,
        body: JSON.stringify({ type, timestamp: at.toISOString(), data: told }),
        lane: endpoint_id ?? `${key_id} ${URL.parse(url)?.host ?? ''}`,
        attempts_left: WEBHOOK_ATTEMPTS,
      })),
    )
    .execute();
  await sql`select pg_notify(${CHANNELS.webhooks}, '')`.execute(trx);
}

function toType(status: RunsTable['status']): WebhookEvent | null {
  return status === 'queued' || status === 'running' ? null : `run.${status}`;
}

/**
 * Finds the endpoints of the key that submitted the run, and of the key whose run it retries. A revoked key's endpoints
 * receive nothing.
 */
async function findTargets(
  trx: Transaction,
  { row, type }: { row: Selectable<RunsTable>; type: WebhookEvent },
): Promise<readonly Target[]> {
  const { created_by: keyId, webhook_key_id: earlierKeyId, webhook_url: url, user_id: user, team } = row;
  const { rows } = await sql<Target>`
    select target.*, clock_timestamp() as at from (
      select id as endpoint_id, key_id, url from longhaul.webhook_endpoints
       where key_id in (${keyId}, ${earlierKeyId ?? keyId}) and ${type} = any(events) and disabled_at is null
         and (user_id is null or user_id = ${user}) and (team is null or team = ${team})
      union all
      select null, ${earlierKeyId ?? keyId}::uuid, ${url}::text where ${url}::text is not null) as target
     where not exists (select from longhaul.api_keys where id = target.key_id and revoked_at is not null)`.execute(trx);
  return rows;
}
