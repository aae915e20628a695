import { sql } from 'kysely';
import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import type { Micros } from '../../core/money.ts';
import { mergePrices, priceOf } from '../../core/pricing.ts';
import type { Transaction } from '../../db/database.ts';
import { invalid } from '../error.ts';
import type { ManagedSession } from './session.ts';

/** Far below the amounts whose micro-dollars are not exact any more. */
const MOST_DIGITS = 11;

/** The budget of a session as clients send it. */
export const budgetSchema = z.strictObject({
  type: z.literal('limit', 'must be "limit"'),
  max_list_cost: z.strictObject({
    amount: z
      .string('must be a text')
      .regex(/^[1-9]\d*$/, 'must be whole cents above 0 in a text without leading zeros, such as "2500" for $25')
      .max(MOST_DIGITS, `must have at most ${MOST_DIGITS} digits`),
    currency: z.literal('USD', 'must be "USD"'),
  }),
});

/** @throws {ManagedError} `model_not_budgetable` when the price of a new session's model is unknown. */
export function requirePrice(
  { agents, providers, prices }: Config,
  { runsAs, model }: { runsAs: string; model: string },
): void {
  const provider = providers.get(agents.get(runsAs)?.provider ?? '');
  const own = provider === undefined || provider.kind === 'scripted' ? undefined : provider.prices;
  if (priceOf(model, mergePrices(prices, own ?? {})) !== null) return;
  const message = `budget: the price of the model ${JSON.stringify(model)} is unknown, so its cost cannot be limited.`;
  throw invalid(message, 'model_not_budgetable');
}

/**
 * Checks a new budget of a locked session.
 * @throws {ManagedError} `budget_create_only` for a session that has none; `budget_not_raised` when the session has
 * consumed as much; when it is lowered during a run, which may spend what it began with.
 */
export async function checkBudget(trx: Transaction, session: ManagedSession, micros: Micros | null): Promise<void> {
  const { budgetMicros, hadBudget, id, usage } = session;
  if (micros === null) return;
  if (budgetMicros === null) {
    const why = hadBudget ? 'It was removed.' : 'The session was created without one.';
    throw invalid(`budget: can be set only when a session is created. ${why}`, 'budget_create_only');
  }
  const { rows } = await sql<{ isRunning: boolean; metered: number }>`
    select count(*) > 0 as "isRunning", coalesce(sum(attempt.metered_cost_micros), 0)::bigint as metered
      from longhaul.runs as run
      join longhaul.attempts as attempt on attempt.run_id = run.id and attempt.number = run.attempt
     where run.session_id = ${id} and run.status = 'running'`.execute(trx);
  const { isRunning, metered } = rows[0]!;
  if (micros <= (usage.costMicros ?? 0) + metered)
    throw invalid('budget: must be more than the session has consumed.', 'budget_not_raised');
  if (isRunning && micros < budgetMicros)
    throw invalid('budget: cannot be lowered while the session is running. Send user.interrupt first.');
}

/** Returns whether the budget of a session leaves nothing for another message. */
export function isSpent({ budgetMicros, isAtBudget, usage }: ManagedSession): boolean {
  return budgetMicros !== null && (isAtBudget || (usage.costMicros ?? 0) >= budgetMicros);
}
