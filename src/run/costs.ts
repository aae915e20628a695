import { sql, type RawBuilder } from 'kysely';
import { toUsd, type Micros } from '../core/money.ts';
import type { Database } from '../db/database.ts';
import { toDay, toMonths, type CostRange, type Piece } from './cost-range.ts';

export const COST_GROUPINGS = ['day', 'month', 'user', 'team', 'agent', 'model'] as const;
export type CostGrouping = (typeof COST_GROUPINGS)[number];

/** What the attempts that ended in a stretch of time have cost, and what for. */
export interface CostSums {
  /** What was charged. */
  readonly costUsd: number;
  /** By our own list of prices; null: it has none for anything of this, though something was used. */
  readonly ownCostUsd: number | null;
  /** The part of `costUsd` that our list has no price for. */
  readonly unpricedUsd: number;
  /** False: `ownCostUsd` leaves something out. */
  readonly isOwnCostWhole: boolean;
  /** Runs that an attempt has ended. By model: those in whose last attempt it was used. */
  readonly runs: number;
  readonly succeededRuns: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  /** All cache writes; those for an hour are a part of them. */
  readonly cacheCreationTokens: number;
  readonly cacheCreation1hTokens: number;
  /** A part of the output, where the provider says. */
  readonly thinkingTokens: number;
  /** All costs, those of failures as well, for each run that succeeded; null: none did. */
  readonly costPerSucceededRunUsd: number | null;
  /** What failed attempts cost that another one followed. */
  readonly retriedCostUsd: number;
  /** The Agent SDK's figure less ours, over all that has both; null: nothing has. */
  readonly driftUsd: number | null;
}

export interface CostRow extends CostSums {
  /** Null: without a user, a team or a model. */
  readonly key: string | null;
}

/** Where a page of rows ends. */
export interface CostCursor {
  readonly key: string;
  readonly costMicros: Micros;
}

interface CostOptions {
  readonly groupBy: CostGrouping;
  readonly range: CostRange;
  readonly limit: number;
  /** The `next` of an earlier page. */
  readonly after?: CostCursor | undefined;
}

interface CostPage {
  /** Newest first by day and month, else dearest first. */
  readonly rows: CostRow[];
  /** Continues the list; null: there is no more. */
  readonly next: CostCursor | null;
  /** Over all rows of all pages, each run and attempt counted once. */
  readonly totals: CostSums;
}

/**
 * Adds the ledger up: a page of rows, and what all rows come to. Exact to the micro-dollar between any two instants, and
 * read in one statement, so that rows and totals agree. The sums of months and days do most of it; the entries themselves
 * are read only for the days that a range begins and ends in.
 */
export async function readCosts(database: Database, { groupBy, range, limit, after }: CostOptions): Promise<CostPage> {
  const isByTime = groupBy === 'day' || groupBy === 'month';
  const key = sql`key collate "C"`;
  const order = isByTime ? sql`${key} desc` : sql`cost_micros desc, ${key}`;
  const rest = after === undefined ? sql`true` : isByTime ? sql`${key} < ${after.key}` : isCheaper(after);
  // By model a run counts for each that it used, and all together have to be asked for.
  const together = groupBy === 'model' ? addUp(null, range) : sql`select ${SUMS} from grouped`;
  const query = sql<{ page: (Sums & { key: string })[]; total: Sums }>`
    with grouped as materialized (${addUp(groupBy, range)}),
         total as (${together}),
         page as (select * from grouped where ${rest} order by ${order} limit ${limit + 1})
    select coalesce((select json_agg(page order by ${order}) from page), '[]') as page, to_json(total) as total from total`;
  const { rows } = await database.sql.transaction().execute(async (trx) => {
    // Workers take longer to start and to hand over their sums than one of them takes for all of it.
    await sql`set local max_parallel_workers_per_gather = 0`.execute(trx);
    return query.execute(trx);
  });
  const { page, total } = rows[0]!;
  const last = page.length > limit ? page[limit - 1]! : null;
  return {
    rows: page.slice(0, limit).map((sums) => ({ key: sums.key === '' ? null : sums.key, ...toCostSums(sums) })),
    next: last && { key: last.key, costMicros: last.cost_micros },
    totals: toCostSums(total),
  };
}

function isCheaper({ key, costMicros }: CostCursor): RawBuilder<boolean> {
  return sql`(cost_micros < ${costMicros} or (cost_micros = ${costMicros} and key collate "C" > ${key}))`;
}

/** The columns of the ledger's sums, each as it follows from an entry. `post_entries` makes the sums by the same rules. */
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
type Sums = Readonly<Record<Column, number>>;

const COLUMNS = Object.keys(FROM_ENTRY) as Column[];
const SUMS = sql.raw(COLUMNS.map((column) => `coalesce(sum(${column}), 0)::bigint as ${column}`).join(', '));

/** The sums of each key, or, for null, of everything: out of the sums of months and days, and the entries at both ends. */
function addUp(groupBy: CostGrouping | null, { days, edges, timeZone }: CostRange): RawBuilder<unknown> {
  const { dimension, keyOfSum, keyOfEntry, keyOfGroup } = toKeys(groupBy, timeZone);
  const fromSums = (period: 'day' | 'month', { from, to, sign }: Piece) => sql`
    select ${keyOfSum} as key, ${signed(COLUMNS, sign)} from longhaul.cost_rollups
     where dimension = ${dimension} and period = ${period} and start >= ${toDay(from)}::date and start < ${toDay(to)}::date`;
  const fromEntries = ({ from, to, sign }: Piece) => sql`
    select key, ${signed(Object.values(FROM_ENTRY), sign)}
      from (select *, ${keyOfEntry} as key, ${groupBy === 'model' ? sql`true` : sql`position = 0`} as is_first
              from longhaul.ledger_entries where at >= ${new Date(from)} and at < ${new Date(to)}) as entry`;
  const { whole: months, edges: odd } = days === null || groupBy === 'day' ? uncut(days) : toMonths(days);
  const parts = [
    ...toPieces(months).map((piece) => fromSums('month', piece)),
    ...odd.map((piece) => fromSums('day', piece)),
    ...edges.map(fromEntries),
  ];
  if (parts.length === 0) parts.push(fromEntries({ from: 0, to: 0, sign: 1 }));
  const all = sql.join(parts, sql` union all `);
  const columns = sql.raw(COLUMNS.join(', '));
  if (groupBy === null) return sql`select ${SUMS} from (${all}) as part (key, ${columns})`;
  return sql`
    select ${keyOfGroup} as key, ${SUMS} from (${all}) as part (key, ${columns})
     group by part.key having sum(attempts) <> 0`;
}

/** What sums are asked for, and the key of a sum, of an entry, and, as it is answered, of a group of both. */
function toKeys(groupBy: CostGrouping | null, timeZone: string) {
  if (groupBy === null)
    return { dimension: 'total', keyOfSum: sql`null`, keyOfEntry: sql`null`, keyOfGroup: sql`null` };
  if (groupBy === 'day' || groupBy === 'month') {
    // Not `period_start`, which PostgreSQL would call anew for each entry.
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

/** Days as they are: months could not be told apart into days again. */
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

function toCostSums(sums: Sums): CostSums {
  const { cost_micros, own_cost_micros, unpriced_micros, succeeded_runs } = sums;
  const isWhole = unpriced_micros === 0 && sums.unpriced_entries === 0;
  const isUnpriced = !isWhole && own_cost_micros === 0 && unpriced_micros === cost_micros;
  const isCompared = sums.compared_sdk_micros !== 0 || sums.compared_own_micros !== 0;
  return {
    costUsd: toUsd(cost_micros),
    ownCostUsd: isUnpriced ? null : toUsd(own_cost_micros),
    unpricedUsd: toUsd(unpriced_micros),
    isOwnCostWhole: isWhole,
    runs: sums.runs,
    succeededRuns: succeeded_runs,
    attempts: sums.attempts,
    inputTokens: sums.input_tokens,
    outputTokens: sums.output_tokens,
    cacheReadTokens: sums.cache_read_tokens,
    cacheCreationTokens: sums.cache_creation_tokens,
    cacheCreation1hTokens: sums.cache_creation_1h_tokens,
    thinkingTokens: sums.thinking_tokens,
    costPerSucceededRunUsd: succeeded_runs === 0 ? null : toUsd(Math.round(cost_micros / succeeded_runs)),
    retriedCostUsd: toUsd(sums.retried_micros),
    driftUsd: isCompared ? toUsd(sums.compared_sdk_micros - sums.compared_own_micros) : null,
  };
}
