import type { CostRowResource } from 'longhaul/client';

const FIELDS = [
  'costUsd',
  'ownCostUsd',
  'unpricedUsd',
  'runs',
  'succeededRuns',
  'attempts',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheCreationTokens',
  'costPerSucceededRunUsd',
  'retriedCostUsd',
  'driftUsd',
] as const satisfies (keyof CostRowResource)[];

/** Converts rows of costs to CSV. Keys that look like formulas are escaped. */
export function toCsv(group: string, rows: readonly CostRowResource[]): string {
  const lines = rows.map((row) => [quote(row.key ?? ''), ...FIELDS.map((field) => String(row[field] ?? ''))].join(','));
  return `${[group, ...FIELDS].join(',')}\r\n${lines.join('\r\n')}\r\n`;
}

function quote(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
