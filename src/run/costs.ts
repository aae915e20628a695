import { sql, type RawBuilder } from 'kysely';
import { toUsd, type Micros } from '../core/money.ts';
import type { Database } from '../db/database.ts';
import { addUp, SUMS, type CostGrouping, type Sums } from './add-up-costs.ts';
import type { CostRange } from './cost-range.ts';
import type { Viewer } from './viewer.ts';

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
  /** Whose costs: all, one user's or one team's. */
  readonly viewer: Viewer;
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
export async function readCosts(
  database: Database,
  { viewer, groupBy, range, limit, after }: CostOptions,
): Promise<CostPage> {
  const isByTime = groupBy === 'day' || groupBy === 'month';
  const key = sql`key collate "C"`;
  const order = isByTime ? sql`${key} desc` : sql`cost_micros desc, ${key}`;
  const rest = after === undefined ? sql`true` : isByTime ? sql`${key} < ${after.key}` : isCheaper(after);
  // By model a run counts for each that it used, and all together have to be asked for.
  const together = groupBy === 'model' ? addUp({ groupBy: null, range, viewer }) : sql`select ${SUMS} from grouped`;
  const query = sql<{ page: (Sums & { key: string })[]; total: Sums }>`
    with grouped as materialized (${addUp({ groupBy, range, viewer })}),
         total as (${together}),
         page as (select * from grouped where ${rest} order by ${order} limit ${limit + 1})
    select coalesce((select json_agg(page order by ${order}) from page), '[]') as page, to_json(total) as total from total`;
  const { rows } = await database.sql.transaction().execute(async (trx) => {
    // Parallel workers take longer to start, and to hand over their sums, than one process takes for all of it.
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
