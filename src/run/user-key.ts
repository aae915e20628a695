import { sql, type RawBuilder, type Selectable } from 'kysely';
import { toUserKey } from '../core/user-key.ts';
import type { RunsTable } from '../db/tables.ts';

/** SQL: the key of a run's user, as `toUserKey` makes it. */
export const USER_KEY: RawBuilder<string | null> = sql`longhaul.user_key(tenant, user_id)`;

/** Returns the key of a run's user, from the run's row. */
export function userKeyOf({ user_id, tenant }: Pick<Selectable<RunsTable>, 'user_id' | 'tenant'>): string | null {
  return toUserKey({ user: user_id, tenant });
}
