import { sql, type RawBuilder, type SqlBool } from 'kysely';

/** The runs that a caller may see, with everything that belongs to them. If both are set, a run must match both. */
export interface Viewer {
  /**
   * The one end user whose runs are visible; null: any. Without a team it is the application's user of that name, never
   * a team's own user.
   */
  readonly user: string | null;
  /** The one team whose runs are visible; null: any. */
  readonly team: string | null;
}

/** Sees every run: Longhaul itself, an operator, an application's own server. */
export const SEES_ALL: Viewer = { user: null, team: null };

/**
 * SQL: true when a row with the columns `user_id`, `team` and `tenant` is visible. `table` is its name or alias in the
 * statement.
 */
export function isSeenBy({ user, team }: Viewer, table?: string): RawBuilder<SqlBool> {
  const column = (name: string) => sql.ref(table === undefined ? name : `${table}.${name}`);
  // The statement has only the conditions that limit it, so that its plan uses an index.
  const conditions = [
    ...(user === null ? [] : [sql`${column('user_id')} = ${user}`]),
    ...(user === null || team !== null ? [] : [sql`${column('tenant')} is null`]),
    ...(team === null ? [] : [sql`${column('team')} = ${team}`]),
  ];
  return conditions.length === 0 ? sql`true` : sql`(${sql.join(conditions, sql` and `)})`;
}
