import { sql, type RawBuilder } from 'kysely';
import { toDay, toMonths, type CostRange, type Piece } from './cost-range.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

export const COST_GROUPINGS = ['day', 'month', 'user', 'team', 'agent', 'model'] as const;
export type CostGrouping = (typeof COST_GROUPINGS)[number];

/**
 * The columns of the ledger's sums, each computed from an entry. `post_entries` computes the sums by the same rules.
 */
const FROM_ENTRY = {
  runs: '(is_first and concludes is not null)::int',
  succeeded_runs: `(is_first and concludes is not distinct from 'succeeded')::int`,
  attempts: 'is_first::int',
  input_tokens: 'input_tokens',
  output_tokens: 'output_tokens',
  cache_read_tokens: 'cache_read_tokens',
  cache_creation_tokens: 'cache_creation_tokens',
  cache_creation_1h_tokens: 'cache_creation_1h_tokens',
  thinking_tokens: 'coalesce(thinking_tokens, 0)',
  cost_micros: 'cost_micros',
  retried_micros: `case when concludes is null and outcome = 'failed' then cost_micros else 0 end`,
  own_cost_micros: 'coalesce(own_cost_micros, 0)',
  unpriced_micros: 'case when own_cost_micros is null then cost_micros else 0 end',
  unpriced_entries: '(own_cost_micros is null and model is not null)::int',
  compared_sdk_micros: 'case when own_cost_micros is null then 0 else coalesce(sdk_cost_micros, 0) end',
  compared_own_micros: 'case when sdk_cost_micros is null then 0 else coalesce(own_cost_micros, 0) end',
};

type Column = keyof typeof FROM_ENTRY;
export type Sums = Readonly<Record<Column, number>>;

const COLUMNS = Object.keys(FROM_ENTRY) as Column[];
/** SQL for the sum of each column. */
export const SUMS = sql.raw(COLUMNS.map((column) => `coalesce(sum(${column}), 0)::bigint as ${column}`).join(', '));

interface AddUpOptions {
  /** Null: one sum over everything. */
  readonly groupBy: CostGrouping | null;
  readonly range: CostRange;
  readonly viewer: Viewer;
}

/**
 * SQL for the sums of each key. Adds up the sums of months and days, plus the entries at both ends of the range. For
 * one user or team, which has few entries, adds up the entries alone.
 */
export function addUp({ groupBy, range, viewer }: AddUpOptions): RawBuilder<unknown> {
  const { days, edges, timeZone } = range;
  const seesAll = viewer.user === null && viewer.team === null;
  const { dimension, keyOfSum, keyOfEntry, keyOfGroup } = toKeys(groupBy, timeZone);
  const fromSums = (period: 'day' | 'month', { from, to, sign }: Piece) => sql`
    select ${keyOfSum} as key, ${signed(COLUMNS, sign)} from longhaul.cost_rollups
     where dimension = ${dimension} and period = ${period} and start >= ${toDay(from)}::date and start < ${toDay(to)}::date`;
  const fromEntries = ({ from, to, sign }: Piece) => sql`
    select key, ${signed(Object.values(FROM_ENTRY), sign)}
      from (select *, ${keyOfEntry} as key, ${groupBy === 'model' ? sql`true` : sql`position = 0`} as is_first
              from longhaul.ledger_entries where at >= ${new Date(from)} and at < ${new Date(to)} and ${isSeenBy(viewer)}) as entry`;
  const { whole: months, edges: odd } = days === null || groupBy === 'day' ? uncut(days) : toMonths(days);
  const parts = seesAll
    ? [
        ...toPieces(months).map((piece) => fromSums('month', piece)),
        ...odd.map((piece) => fromSums('day', piece)),
        ...edges.map(fromEntries),
      ]
    : [fromEntries({ from: range.from.getTime(), to: range.to.getTime(), sign: 1 })];
  if (parts.length === 0) parts.push(fromEntries({ from: 0, to: 0, sign: 1 }));
  const all = sql.join(parts, sql` union all `);
  const columns = sql.raw(COLUMNS.join(', '));
  if (groupBy === null) return sql`select ${SUMS} from (${all}) as part (key, ${columns})`;
  return sql`
    select ${keyOfGroup} as key, ${SUMS} from (${all}) as part (key, ${columns})
     group by part.key having sum(attempts) <> 0`;
}

/** The sums to read, and the SQL of the key: of a sum, of an entry and, in the answer, of a group of both. */
function toKeys(groupBy: CostGrouping | null, timeZone: string) {
  if (groupBy === null)
    return { dimension: 'total', keyOfSum: sql`null`, keyOfEntry: sql`null`, keyOfGroup: sql`null` };
  if (groupBy === 'day' || groupBy === 'month') {
    // Not `period_start`, which PostgreSQL would call again for each entry.
    const keyOf = (day: RawBuilder<unknown>) =>
      groupBy === 'day' ? day : sql`date_trunc('month', ${day}::timestamp)::date`;
    return {
      dimension: 'total',
      keyOfSum: keyOf(sql`start`),
      keyOfEntry: keyOf(sql`longhaul.day_of(at, ${timeZone})`),
      keyOfGroup: sql`to_char(part.key, ${groupBy === 'day' ? 'YYYY-MM-DD' : 'YYYY-MM'})`,
    };
  }
  const column = sql.ref(groupBy === 'user' ? 'user_id' : groupBy);
  return {
    dimension: groupBy,
    keyOfSum: sql`key`,
    keyOfEntry: sql`coalesce(${column}, '')`,
    keyOfGroup: sql`part.key`,
  };
}

/** Keeps the days as they are: months could not be split into days again. */
function uncut(days: CostRange['days']): ReturnType<typeof toMonths> {
  return { whole: null, edges: toPieces(days) };
}

function toPieces(stretch: CostRange['days']): Piece[] {
  return stretch === null ? [] : [{ ...stretch, sign: 1 }];
}

function signed(expressions: readonly string[], sign: Piece['sign']): RawBuilder<unknown> {
  return sql.raw(
    expressions.map((expression) => (sign === 1 ? `(${expression})::bigint` : `-(${expression})::bigint`)).join(', '),
  );
}
