import { figure, type Figure } from './figure.ts';
import type { Total } from './totals.ts';

const MICROS = 1_000_000;

/** Converts the totals to counters. */
export function toTotalFigures(totals: readonly Total[]): Figure[] {
  // The sums over agents are for a metric without that label.
  const compared = new Map<string, Figure>();
  const figures = totals.flatMap(({ name, agent, model, kind, code, amount }): Figure[] => {
    switch (name) {
      case 'runs':
        return [figure('longhaul_runs_finished_total', { agent, status: kind, code }, amount)];
      case 'attempts':
        return [figure('longhaul_attempts_total', { agent, outcome: kind }, amount)];
      case 'lost':
        return [figure('longhaul_attempts_lost_total', { agent }, amount)];
      case 'cost':
        return [figure('longhaul_cost_usd_total', { agent, model }, amount / MICROS)];
      case 'tokens':
        return [figure('longhaul_tokens_total', { agent, model, class: kind }, amount)];
      case 'compared': {
        const key = JSON.stringify([model, kind]);
        const value = (compared.get(key)?.value ?? 0) + amount / MICROS;
        compared.set(key, figure('longhaul_compared_cost_usd_total', { model, source: kind }, value));
        return [];
      }
    }
  });
  return [...figures, ...compared.values()];
}
