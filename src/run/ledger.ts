import { sql, type Selectable } from 'kysely';
import { toMicros, type Micros } from '../core/money.ts';
import { overriddenPriceOf } from '../core/pricing.ts';
import { addUsage, NO_USAGE, type ModelUsage } from '../core/usage.ts';
import type { Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import { isOver, type Conclusion } from './conclude.ts';
import type { RunRules } from './rules.ts';
import { chooseSpending, type Spending } from './spending.ts';

/** What an attempt has spent, as it is to be booked. */
export interface Booking {
  readonly row: Selectable<RunsTable>;
  readonly attemptId: string;
  readonly outcome: string;
  readonly conclusion: Conclusion;
  readonly metered: Spending;
  readonly reported: Spending | null;
  readonly durationMs: number;
}

/**
 * Writes the ledger's entries of an attempt, one for each model it used, with their sums by day and month. What is
 * charged is the larger of the two counts (see `chooseSpending`), and the entries add up to it to the micro-dollar.
 */
export async function postLedger(
  trx: Transaction,
  booking: Booking,
  rules: Pick<RunRules, 'timeZone' | 'prices'>,
): Promise<void> {
  const { row, attemptId, outcome, conclusion, durationMs } = booking;
  const entries = toEntries(booking, rules.prices).map((entry, position) => ({
    attempt_id: attemptId,
    position,
    run_id: row.id,
    attempt: row.attempt,
    agent: row.agent,
    user_id: row.user_id,
    team: row.team,
    outcome,
    concludes: isOver(conclusion) ? conclusion.status : null,
    duration_ms: position === 0 ? durationMs : 0,
    ...entry,
  }));
  await sql`select longhaul.post_entries(${JSON.stringify(entries)}::json, ${rules.timeZone})`.execute(trx);
}

/** One entry for each model; one without a model for an attempt that asked none. */
export function toEntries(
  { metered, reported }: Pick<Booking, 'metered' | 'reported'>,
  prices: RunRules['prices'] = {},
) {
  const charged = chooseSpending(metered, reported, prices);
  const seen = byPlainName(metered.models);
  const said = byPlainName(reported?.models ?? {});
  const names = [...new Set([...seen.keys(), ...said.keys()])];
  const chargedBy = charged === metered ? seen : said;
  const entries = names.map((model) => {
    const meteredUsage = seen.get(model);
    const usage = chargedBy.get(model) ?? meteredUsage ?? said.get(model) ?? { ...NO_USAGE, costUsd: 0 };
    const hour = meteredUsage?.cacheCreation1hTokens ?? 0;
    return {
      model,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_creation_tokens: usage.cacheCreationTokens,
      cache_creation_1h_tokens: Math.min(hour, usage.cacheCreationTokens),
      thinking_tokens: meteredUsage?.thinkingTokens ?? said.get(model)?.thinkingTokens ?? null,
      web_searches: meteredUsage?.webSearches ?? 0,
      cost_micros: toMicros(chargedBy.get(model)?.costUsd ?? 0),
      // By another price than the one that was set: not to be compared.
      sdk_cost_micros: overriddenPriceOf(model, prices) === null ? toMicrosOrNull(said.get(model)?.costUsd) : null,
      own_cost_micros: toMicrosOrNull(meteredUsage?.ownCostUsd),
    };
  });
  if (entries.length === 0) entries.push(withoutModel());
  return addUp(entries, charged.costMicros);
}

type Entry = Omit<ReturnType<typeof withoutModel>, 'model'> & { readonly model: string | null };

function withoutModel() {
  return {
    model: null as never as string,
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_creation_tokens: 0,
    cache_creation_1h_tokens: 0,
    thinking_tokens: null as number | null,
    web_searches: 0,
    cost_micros: 0,
    sdk_cost_micros: null as Micros | null,
    own_cost_micros: null as Micros | null,
  };
}

/** Each model's cost is rounded by itself: what that makes of the sum is put right on the dearest. */
function addUp(entries: readonly Entry[], totalMicros: Micros): Entry[] {
  const sum = entries.reduce((total, { cost_micros }) => total + cost_micros, 0);
  const dearest = entries.reduce(
    (most, entry, index) => (entry.cost_micros > entries[most]!.cost_micros ? index : most),
    0,
  );
  return entries.map((entry, index) => {
    if (index !== dearest || sum === totalMicros) return entry;
    return { ...entry, cost_micros: Math.max(0, entry.cost_micros + totalMicros - sum) };
  });
}

/** The Agent SDK and the provider may name a model with and without its date. */
function byPlainName(models: Spending['models']): Map<string, ModelUsage> {
  const merged = new Map<string, ModelUsage>();
  for (const [name, usage] of Object.entries(models)) {
    const plain = name.replace(/[-@]\d{8}$/, '').replace(/\[1m\]$/, '');
    const before = merged.get(plain);
    merged.set(plain, before === undefined ? usage : addBoth(before, usage));
  }
  return merged;
}

function addBoth(a: ModelUsage, b: ModelUsage): ModelUsage {
  const sum = (x: number | null | undefined, y: number | null | undefined) =>
    x === null || y === null || x === undefined || y === undefined ? null : x + y;
  return {
    ...addUsage(a, b),
    costUsd: a.costUsd + b.costUsd,
    cacheCreation1hTokens: (a.cacheCreation1hTokens ?? 0) + (b.cacheCreation1hTokens ?? 0),
    webSearches: (a.webSearches ?? 0) + (b.webSearches ?? 0),
    thinkingTokens: sum(a.thinkingTokens, b.thinkingTokens),
    ownCostUsd: sum(a.ownCostUsd, b.ownCostUsd),
  };
}

function toMicrosOrNull(usd: number | null | undefined): Micros | null {
  return usd === null || usd === undefined ? null : toMicros(usd);
}
