/**
 * A whole number of micro-dollars. All internal amounts have this type, so that sums are exact and every total is the
 * sum of the rows beneath it. Amounts become USD with 6 decimals only at the edges.
 */
export type Micros = number;

/** Converts USD to micro-dollars, rounded to the nearest. */
export function toMicros(usd: number): Micros {
  return Math.round(usd * 1_000_000);
}

/** Converts micro-dollars to USD: a number with at most 6 decimals. */
export function toUsd(micros: Micros): number {
  return micros / 1_000_000;
}

/** Formats an amount for people, such as `$0.0123`: at least two decimals, at most six. */
export function formatUsd(micros: Micros): string {
  const [whole = '0', decimals = ''] = (micros / 1_000_000).toFixed(6).split('.');
  return `$${whole}.${decimals.replace(/0{1,4}$/, '')}`;
}
