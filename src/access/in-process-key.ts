import { recordAudit } from '../audit/record.ts';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import type { Database } from '../db/database.ts';
import { generateKey, hashKey, IN_PROCESS_KEY_ID } from './keys.ts';

/** Creates the in-process key if it does not exist. A revoked key stays revoked. */
export async function ensureInProcessKey(database: Database): Promise<void> {
  await database.sql.transaction().execute(async (trx) => {
    const made = await trx
      .insertInto('longhaul.api_keys')
      .values({ id: IN_PROCESS_KEY_ID, name: 'in process', hash: hashKey(generateKey()), scopes: ['admin'] })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made === undefined) return;
    const data = { name: 'in process', scopes: ['admin'], user: null, team: null };
    await recordAudit(trx, { actor: SYSTEM_ACTOR, action: 'key.created', subject: made.id, data });
  });
}
