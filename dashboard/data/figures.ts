import { queryOptions } from '@tanstack/react-query';
import type { StatsResource } from 'longhaul/client';
import { client } from './client.ts';

/** Ranges of time that end now, by their name in the address. */
export const SPANS = {
  '1h': { title: 'Last hour', ms: 3_600_000, step: 'minute' },
  '6h': { title: 'Last 6 hours', ms: 6 * 3_600_000, step: 'minute' },
  '24h': { title: 'Last 24 hours', ms: 86_400_000, step: 'hour' },
  '7d': { title: 'Last 7 days', ms: 7 * 86_400_000, step: 'hour' },
  '30d': { title: 'Last 30 days', ms: 30 * 86_400_000, step: 'day' },
  '90d': { title: 'Last 90 days', ms: 90 * 86_400_000, step: 'day' },
} as const satisfies Record<string, { title: string; ms: number; step: StatsResource['step'] }>;

export type SpanName = keyof typeof SPANS;

export function toSpanName(text: string | undefined, fallback: SpanName = '24h'): SpanName {
  return text !== undefined && Object.hasOwn(SPANS, text) ? (text as SpanName) : fallback;
}

export const statsQuery = (span: SpanName, agent?: string) =>
  queryOptions({
    queryKey: ['stats', span, agent ?? null],
    queryFn: () =>
      client.stats({ step: SPANS[span].step, from: new Date(Date.now() - SPANS[span].ms).toISOString(), agent }),
    refetchInterval: 30_000,
  });

/** Reads the costs of today and this month, with the forecast. */
export const monthCostsQuery = queryOptions({
  queryKey: ['costs', 'month'],
  queryFn: () => client.costs({ groupBy: 'day', limit: 40 }),
  refetchInterval: 60_000,
});

export const budgetsQuery = queryOptions({
  queryKey: ['budgets'],
  queryFn: () => client.budgets({ limit: 200 }),
  refetchInterval: 60_000,
});

export const queuesQuery = queryOptions({
  queryKey: ['queues'],
  queryFn: () => client.queues(),
  refetchInterval: 10_000,
});

export const workersQuery = queryOptions({
  queryKey: ['workers'],
  queryFn: () => client.workers(),
  refetchInterval: 10_000,
});
