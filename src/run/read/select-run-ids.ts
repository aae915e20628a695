import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { RUN_STATUSES } from '../../core/states.ts';
import type { Viewer } from '../viewer.ts';
import { findMeasured, findSearched, selectFound } from './select-found.ts';
import { toConditions, type Conditions, type RunFilter, type ValueColumn } from './run-filter.ts';

interface SelectOptions {
  readonly viewer: Viewer;
  readonly filter: RunFilter;
  /** Runs submitted before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * The columns of the indexes that runs are listed by; each ends with the id. An index of error codes contains only
 * runs that have an error. Earlier indexes are preferred, because fewer runs share a schedule than a user, and a user
 * than an agent.
 */
const INDEXES: readonly (readonly ValueColumn[])[] = [
  ['schedule_id', 'status'],
  ['user_id', 'error_code', 'status'],
  ['team', 'error_code', 'status'],
  ['agent', 'error_code', 'status'],
  ['error_code', 'status'],
  ['user_id', 'status'],
  ['team', 'status'],
  ['agent', 'status'],
  ['status'],
];

/** Most ranges of an index that one statement reads. */
const MOST_RANGES = 60;

/**
 * SQL: the ids of the runs that match the filter and that the viewer may see, newest first.
 *
 * Reads ranges of one index, each from its newest id on and never more than `limit` matches: one range for each status
 * and value, which together are all the runs that have the values. The ranges are compared as rows, and their order is
 * that of the index alone, so PostgreSQL has no choice: with equations it may read the whole table from its newest run
 * on, when its statistics promise many matches, and the matches are old or not there.
 *
 * Runs of words, labels, a cost or a duration are found by those first, if they are few.
 */
export function selectRunIds({ limit, ...wanted }: SelectOptions): RawBuilder<{ id: string }> {
  const conditions = toConditions(wanted);
  const { values } = conditions;
  if ([...values.values()].some((list) => list.length === 0)) return sql`select null::uuid as id where false`;
  const index = chooseIndex(conditions, wanted.filter);
  const all = index === null ? selectByPlan(conditions, limit) : selectByRanges(conditions, { index, limit });
  const matches = toAll(conditions);
  const finds = [findMeasured(conditions), findSearched(conditions, { filter: wanted.filter, limit })];
  return finds.reduce<RawBuilder<{ id: string }>>(
    (others, found) => (found === null ? others : selectFound({ found, matches, others, limit })),
    all,
  );
}

/** Returns the columns of the index to read; null: PostgreSQL chooses, by its statistics. */
function chooseIndex({ values, search }: Conditions, filter: RunFilter): readonly ValueColumn[] | null {
  // A session has few runs, and few runs are retried.
  if (values.has('session_id') || filter.isRetried === true) return null;
  const index = INDEXES.find((columns) => isUsable(columns, values));
  if (index === undefined) return null;
  // Words and labels have their own indexes: several ranges would search in them several times.
  const isSearch = search.length > 0;
  const isOfOne = index.some((column) => column !== 'status' && values.get(column)?.length === 1);
  return isSearch && !isOfOne ? null : index;
}

/** Returns whether all columns have values, or are the status, and have few enough of them. */
function isUsable(columns: readonly ValueColumn[], values: Conditions['values']): boolean {
  return (
    columns.some((column) => values.has(column)) &&
    columns.every((column) => values.has(column) || column === 'status') &&
    toRanges(columns, values).length <= MOST_RANGES
  );
}

function selectByPlan(conditions: Conditions, limit: number): RawBuilder<{ id: string }> {
  return sql`
    select runs.id from longhaul.runs as runs where ${toAll(conditions)} order by runs.id desc limit ${limit}`;
}

function toAll(conditions: Conditions): RawBuilder<SqlBool> {
  const { values, leastId, endId, others, measures } = conditions;
  const all = [
    sql`runs.id >= ${leastId}::uuid and runs.id < ${endId}::uuid`,
    ...[...values].map(([column, list]) => isAny(column, list)),
    ...measures,
    ...others,
    ...toSearch(conditions),
  ];
  return sql`(${sql.join(all, sql` and `)})`;
}

interface RangesOptions {
  readonly index: readonly ValueColumn[];
  readonly limit: number;
}

function selectByRanges(conditions: Conditions, { index, limit }: RangesOptions): RawBuilder<{ id: string }> {
  const { values, leastId, endId, others, measures } = conditions;
  const ranges = toRanges(index, values);
  const columnsOf = (table: string) => index.map((column) => sql.ref(`${table}.${column}`));
  const row = (parts: readonly RawBuilder<unknown>[]) => sql`(${sql.join(parts)})`;
  const lists = index.map((column, at) => sql`${sql.val(ranges.map((range) => range[at]))}::${typeOf(column)}[]`);
  const rest = [
    // The condition of a partial index, which a comparison of rows does not imply.
    ...index.filter((column) => NULLABLE.has(column)).map((column) => sql`${sql.ref(`runs.${column}`)} is not null`),
    ...[...values].filter(([column]) => !index.includes(column)).map(([column, list]) => isAny(column, list)),
    ...measures,
    ...others,
    ...toSearch(conditions),
  ];
  const order = [...columnsOf('runs'), sql`runs.id`].map((column) => sql`${column} desc`);
  return sql`
    select page.id
      from unnest(${sql.join(lists)}) as span (${sql.join(index.map((column) => sql.ref(column)))})
     cross join lateral (
       select runs.id from longhaul.runs as runs
        where ${row([...columnsOf('runs'), sql`runs.id`])} >= ${row([...columnsOf('span'), sql`${leastId}::uuid`])}
          and ${row([...columnsOf('runs'), sql`runs.id`])} < ${row([...columnsOf('span'), sql`${endId}::uuid`])}
          ${sql.join(
            rest.map((condition) => sql`and ${condition}`),
            sql` `,
          )}
        order by ${sql.join(order)} limit ${limit}) as page
     order by page.id desc limit ${limit}`;
}

/** The words and labels of a run. The bounds of the ids are repeated, because PostgreSQL does not infer them. */
function toSearch({ search, leastId, endId }: Conditions): RawBuilder<SqlBool>[] {
  if (search.length === 0) return [];
  const all = [
    sql`search.run_id = runs.id`,
    sql`search.run_id >= ${leastId}::uuid and search.run_id < ${endId}::uuid`,
    ...search,
  ];
  return [sql`exists (select from longhaul.run_search as search where ${sql.join(all, sql` and `)})`];
}

/** Every combination of the values of the columns. */
function toRanges(columns: readonly ValueColumn[], values: Conditions['values']): string[][] {
  return columns.reduce<string[][]>(
    (ranges, column) =>
      ranges.flatMap((range) => (values.get(column) ?? RUN_STATUSES).map((value) => [...range, value])),
    [[]],
  );
}

const NULLABLE: ReadonlySet<ValueColumn> = new Set(['user_id', 'team', 'schedule_id', 'error_code']);

function typeOf(column: ValueColumn): RawBuilder<unknown> {
  return column === 'schedule_id' || column === 'session_id' ? sql`uuid` : sql`text`;
}

function isAny(column: ValueColumn, values: readonly string[]): RawBuilder<SqlBool> {
  const ref = sql.ref(`runs.${column}`);
  return values.length === 1
    ? sql`${ref} = ${values[0]}::${typeOf(column)}`
    : sql`${ref} = any(${sql.val([...values])}::${typeOf(column)}[])`;
}
