import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { isFinal, type RunStatus } from '../../core/states.ts';
import type { Conditions, RunFilter, ValueColumn } from './run-filter.ts';

/**
 * SQL: ids of runs that an index finds, in no order: the newest that match a part of the filter. A null among them says
 * that older runs may match as well; null alone, that too many do.
 */
type Found = RawBuilder<unknown>;

/** Most runs that are found by cost or duration. */
const MOST_MEASURED = 3_000;

/** Runs to find when the index knows only a part of the filter. */
const ENOUGH_OF_A_PART = 2_000;

/** Columns whose values are marks in the index of the search: `longhaul.marks_of`. */
const MARKED: readonly ValueColumn[] = ['agent', 'user_id', 'team', 'schedule_id', 'status', 'error_code'];

/** The runs of the words, labels and values; null when the filter names neither words nor labels. */
export function findSearched(
  { values, measures, leastId, endId }: Conditions,
  { filter, limit }: { filter: RunFilter; limit: number },
): Found | null {
  const { words = null, labels = [] } = filter;
  // A session has few runs.
  if ((words === null && labels.length === 0) || values.has('session_id')) return null;
  const marks = MARKED.flatMap((column) => toMark(column, values.get(column) ?? []));
  const isPart = measures.length > 0 || filter.isRetried !== undefined;
  return sql`
    select * from longhaul.searched_runs(
      longhaul.to_search(${words}::text), ${sql.val([...labels])}::text[], ${sql.val(marks)}::text[],
      ${leastId}::uuid, ${endId}::uuid, ${isPart ? ENOUGH_OF_A_PART : limit})`;
}

/** Only a single value is a mark that every match has, and only a final status is a mark. */
function toMark(column: ValueColumn, values: readonly string[]): string[] {
  const [value] = values;
  if (value === undefined || values.length > 1) return [];
  return column === 'status' && !isFinal(value as RunStatus) ? [] : [`${column} ${value}`];
}

/** The runs of the cost or duration, which an index contains with their ids; null when the filter names neither. */
export function findMeasured({ leastId, endId, measures }: Conditions): Found | null {
  if (measures.length === 0) return null;
  return sql`
    with measured as materialized (
      select runs.id from longhaul.runs as runs
       where ${sql.join(measures, sql` and `)} and runs.id >= ${leastId}::uuid and runs.id < ${endId}::uuid
       limit ${MOST_MEASURED + 1}),
    few as (select count(*) <= ${MOST_MEASURED} as are_few from measured)
    select id from measured where (select are_few from few)
    union all
    select null where not (select are_few from few)`;
}

interface SelectOptions {
  readonly found: Found;
  /** SQL: whether a run matches the whole filter. */
  readonly matches: RawBuilder<SqlBool>;
  /** SQL: the ids, when the found runs are not enough. */
  readonly others: RawBuilder<{ id: string }>;
  readonly limit: number;
}

/**
 * SQL: reads the found runs from the newest on, until enough match the whole filter. PostgreSQL alone expects that the
 * newest of all runs soon match.
 */
export function selectFound({ found, matches, others, limit }: SelectOptions): RawBuilder<{ id: string }> {
  const areEnough = sql`((select count(*) from page) = ${limit} or not exists (select from found where id is null))`;
  return sql`
    with found (id) as materialized (${found}),
    page as materialized (
      select newest.id from (select id from found where id is not null order by id desc) as newest
       cross join lateral (select from longhaul.runs as runs where runs.id = newest.id and ${matches} limit 1) as run
       order by newest.id desc limit ${limit})
    select page.id from page where ${areEnough}
    union all
    select other.id from (${others}) as other where not ${areEnough}`;
}
