import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { TimeRange } from '../read-request.ts';

/** SQL: true when a time is within a range. Clients know milliseconds, so a range may begin or end at the time itself. */
export function isWithin(column: string, { gt, gte, lt, lte }: TimeRange): RawBuilder<SqlBool> {
  const time = sql`date_trunc('milliseconds', ${sql.ref(column)})`;
  const conditions = [
    ...(gt === undefined ? [] : [sql`${time} > ${gt}`]),
    ...(gte === undefined ? [] : [sql`${time} >= ${gte}`]),
    ...(lt === undefined ? [] : [sql`${time} < ${lt}`]),
    ...(lte === undefined ? [] : [sql`${time} <= ${lte}`]),
  ];
  return conditions.length === 0 ? sql`true` : sql`(${sql.join(conditions, sql` and `)})`;
}
