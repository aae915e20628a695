import { sql, type RawBuilder } from 'kysely';
import { toUsd, type Micros } from '../../core/money.ts';
import type { Database } from '../../db/database.ts';
import { addUp, SUMS, type CostGrouping, type Sums } from './add-up-costs.ts';
import type { CostRange } from './cost-range.ts';
import type { Viewer } from '../viewer.ts';

/** The cost of the attempts that ended in a range of time, and its parts. */
export interface CostSums {
  /** The amount charged. */
  readonly costUsd: number;
  /** The cost by our own price list; null: the list has no price for any model that was used. */
  readonly ownCostUsd: number | null;
  /** The part of `costUsd` for which our list has no price. */
  readonly unpricedUsd: number;
  /** False when `ownCostUsd` is incomplete. */
  readonly isOwnCostWhole: boolean;
  /** Runs that an attempt has ended. By model: runs whose last attempt used the model. */
  readonly runs: number;
  readonly succeededRuns: number;
  readonly attempts: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  /** Tokens of all cache writes, including those for an hour. */
  readonly cacheCreationTokens: number;
  readonly cacheCreation1hTokens: number;
  /** Part of the output tokens, where the provider reports it. */
  readonly thinkingTokens: number;
  /** The total cost, failures included, divided by the number of succeeded runs; null: none succeeded. */
  readonly costPerSucceededRunUsd: number | null;
  /** The cost of failed attempts that another attempt followed. */
  readonly retriedCostUsd: number;
  /** The Agent SDK's figure less ours, where both exist; null: nowhere. */
  readonly driftUsd: number | null;
}

export interface CostRow extends CostSums {
  /** Null: without a user, a team or a model. */
  readonly key: string | null;
}

/** The end of a page of rows. */
export interface CostCursor {
  readonly key: string;
  readonly costMicros: Micros;
}

interface CostOptions {
  /** The costs to read: all, one user's or one team's. */
  readonly viewer: Viewer;
  readonly groupBy: CostGrouping;
  readonly range: CostRange;
  readonly limit: number;
  /** The `next` of an earlier page. */
  readonly after?: CostCursor | undefined;
}

interface CostPage {
  /** Newest first when grouped by day or month, otherwise the highest cost first. */
  readonly rows: CostRow[];
  /** Continues the list; null on the last page. */
  readonly next: CostCursor | null;
  /** Sums over all rows of all pages, each run and attempt counted once. */
  readonly totals: CostSums;
}

/**
 * Reads the costs of a range: a page of rows, and the totals of all rows. Exact to the micro-dollar between any two
 * instants. A single statement reads both, so that rows and totals agree. Most of it comes from the sums of months and
 * days; the entries themselves are read only for the days in which a range begins and ends.
 */
export async function readCosts(
  database: Database,
  { viewer, groupBy, range, limit, after }: CostOptions,
): Promise<CostPage> {
  const isByTime = groupBy === 'day' || groupBy === 'month';
  const key = sql`key collate "C"`;
  const order = isByTime ? sql`${key} desc` : sql`cost_micros desc, ${key}`;
  const rest = after === undefined ? sql`true` : isByTime ? sql`${key} < ${after.key}` : isCheaper(after);
  // By model, a run counts once for each model it used, so the totals need their own sum.
  const together = groupBy === 'model' ? addUp({ groupBy: null, range, viewer }) : sql`select ${SUMS} from grouped`;
  const query = sql<{ page: (Sums & { key: string })[]; total: Sums }>`
    with grouped as materialized (${addUp({ groupBy, range, viewer })}),
         total as (${together}),
         page as (select * from grouped where ${rest} order by ${order} limit ${limit + 1})
    select coalesce((select json_agg(page order by ${order}) from page), '[]') as page, to_json(total) as total from total`;
  const { rows } = await database.sql.transaction().execute(async (trx) => {
    // Parallel workers take longer to start, and to return their sums, than one process takes for all of it.
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
