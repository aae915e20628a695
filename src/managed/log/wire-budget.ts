import type { Micros } from '../../core/money.ts';

/** The budget of a session as clients see it. */
export interface WireBudget {
  readonly type: 'limit';
  /** Whole cents, as a text. */
  readonly max_list_cost: { readonly amount: string; readonly currency: 'USD' };
}

const MICROS_PER_CENT = 10_000;

export function toWireBudget(micros: Micros | null): WireBudget | null {
  if (micros === null) return null;
  return { type: 'limit', max_list_cost: { amount: String(micros / MICROS_PER_CENT), currency: 'USD' } };
}

export function fromWireBudget(budget: WireBudget | null): Micros | null {
  return budget === null ? null : Number(budget.max_list_cost.amount) * MICROS_PER_CENT;
}
