import { SYSTEM_ACTOR } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import { createId } from '../../core/ids.ts';
import type { Database } from '../../db/database.ts';
import { generateKey, hashKey, markRevoked } from '../keys.ts';
import type { Rights } from './find-rights.ts';

interface Person {
  /** Issuer and subject. */
  readonly subject: string;
  readonly name: string;
  readonly rights: Rights;
}

/**
 * Returns the id of the key that stands for a person. Nobody knows this key, so no request can send it. A person whose
 * rights have changed gets another key, and the earlier one is revoked: older sign-ins end, on every server.
 */
export async function ensurePersonKey(database: Database, person: Person): Promise<string> {
  for (;;) {
    const id = await tryPersonKey(database, person);
    // Another sign-in of the same person stored the key first; it is found now.
    if (id !== null) return id;
  }
}

async function tryPersonKey(database: Database, { subject, name, rights }: Person): Promise<string | null> {
  return database.sql.transaction().execute(async (trx) => {
    const found = await trx
      .selectFrom('longhaul.api_keys')
      .selectAll()
      .where('subject', '=', subject)
      .where('revoked_at', 'is', null)
      .forUpdate()
      .executeTakeFirst();
    if (found !== undefined && isSame(rights, { ...found, user: found.user_id })) {
      if (found.name !== name) {
        await trx.updateTable('longhaul.api_keys').set({ name }).where('id', '=', found.id).execute();
      }
      return found.id;
    }
    if (found !== undefined) await markRevoked(trx, { id: found.id, name: found.name, actor: SYSTEM_ACTOR });
    const { scopes, user, team } = rights;
    const made = await trx
      .insertInto('longhaul.api_keys')
      .values({
        id: createId(),
        name,
        hash: hashKey(generateKey()),
        scopes: [...scopes],
        user_id: user,
        team,
        subject,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (made === undefined) return null;
    const data = { name, scopes, user, team, subject };
    await recordAudit(trx, { actor: SYSTEM_ACTOR, action: 'key.created', subject: made.id, data });
    return made.id;
  });
}

function isSame(
  one: Rights,
  other: { readonly scopes: readonly string[]; readonly user: string | null; readonly team: string | null },
): boolean {
  const toText = ({ scopes, user, team }: typeof other) => JSON.stringify([scopes.toSorted(), user, team]);
  return toText(one) === toText(other);
}
