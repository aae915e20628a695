import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import { safeEnd } from '../stats/roll-up.ts';

/** The number of models with their own label; later models share the label `other`. */
export const MOST_MODELS = 50;
export const OTHER = 'other';

/** A sum over everything that ever happened. */
export interface Total {
  readonly name: 'runs' | 'attempts' | 'lost' | 'cost' | 'tokens' | 'compared';
  readonly agent: string;
  /** Empty: of no model. */
  readonly model: string;
  /** Status, outcome, class of tokens, or source. */
  readonly kind: string;
  readonly code: string;
  /** A number of runs, attempts or tokens, or millionths of a dollar. */
  readonly amount: number;
}

/**
 * SQL: what happened since the last count, with the labels of models; reads the tables of `freshUntil`. Models get
 * labels in the order of their appearance, so that a model has the same label before and after it is counted.
 */
const UNCOUNTED = sql`
  select fresh.name, fresh.agent,
         case when fresh.model = '' or exists (select from known where known.model = fresh.model)
                or place.number <= ${sql.lit(MOST_MODELS)} - (select count(*) from known where model <> ${sql.lit(OTHER)})
              then fresh.model else ${sql.lit(OTHER)} end as model,
         fresh.kind, fresh.code, fresh.amount
    from fresh left join place on place.model = fresh.model`;

/** SQL: the tables that `uncounted` needs. */
function freshUntil(until: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    fresh as materialized (
      select * from longhaul.metrics_in((select counted_until from longhaul.metric_progress), ${until})),
    known as materialized (select distinct model from longhaul.metric_totals where model <> ''),
    place as (
      select model, row_number() over (order by min(first_at), model) as number from fresh
       where model <> '' and model not in (select model from known) group by model)`;
}

/**
 * Reads the totals: the counted ones, and what happened since. Does it in one statement, which sees the state either
 * before or after a count.
 */
export async function readTotals(database: Database): Promise<Total[]> {
  const until = sql`'infinity'::timestamptz`;
  const { rows } = await sql<Total>`
    with ${freshUntil(until)}
    select name, agent, model, kind, code, sum(amount)::bigint as amount
      from (select name, agent, model, kind, code, amount from longhaul.metric_totals
             union all ${UNCOUNTED}) as amounts
     group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`.execute(database.sql);
  return rows;
}

/** Time from the end of a minute until it is counted. */
const MARGIN_MS = 60_000;

/**
 * Adds the minutes that have ended to the totals. The locked row lets one process at a time do it; the others do
 * nothing. Returns whether this call did.
 */
export async function countTotals(database: Database, { marginMs = MARGIN_MS } = {}): Promise<boolean> {
  return database.sql.transaction().execute(async (trx) => {
    const { rows } = await sql<{ until: Date }>`
      with progress as (select counted_until from longhaul.metric_progress for update skip locked),
      safe as (select ${safeEnd(marginMs)} as until)
      select safe.until from progress, safe where safe.until > counted_until`.execute(trx);
    const [due] = rows;
    if (due === undefined) return false;
    const until = sql`${due.until}::timestamptz`;
    await sql`
      with ${freshUntil(until)}
      insert into longhaul.metric_totals as total (name, agent, model, kind, code, amount)
      select name, agent, model, kind, code, sum(amount) from (${UNCOUNTED}) as amounts group by 1, 2, 3, 4, 5
      on conflict (name, agent, model, kind, code) do update set amount = total.amount + excluded.amount`.execute(trx);
    await sql`update longhaul.metric_progress set counted_until = ${until}`.execute(trx);
    return true;
  });
}
