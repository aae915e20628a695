import { sql, type RawBuilder, type SqlBool } from 'kysely';

/** Whose runs somebody may see, with all that belongs to them. Both given: a run has to be of both. */
export interface Viewer {
  /** The one end user whose runs they are; null: any. Without a team it is the application's user of that name, and no team's own. */
  readonly user: string | null;
  /** The one team whose runs they are; null: any. */
  readonly team: string | null;
}

/** Sees every run: Longhaul itself, an operator, an application's own server. */
export const SEES_ALL: Viewer = { user: null, team: null };

/** SQL: whether a row with the columns `user_id`, `team` and `tenant` may be seen. `table` is its name or alias in the statement. */
export function isSeenBy({ user, team }: Viewer, table?: string): RawBuilder<SqlBool> {
  const column = (name: string) => sql.ref(table === undefined ? name : `${table}.${name}`);
  // Only what limits stands in the statement: its plan is then one for an index.
  const conditions = [
    ...(user === null ? [] : [sql`${column('user_id')} = ${user}`]),
    ...(user === null || team !== null ? [] : [sql`${column('tenant')} is null`]),
    ...(team === null ? [] : [sql`${column('team')} = ${team}`]),
  ];
  return conditions.length === 0 ? sql`true` : sql`(${sql.join(conditions, sql` and `)})`;
}
