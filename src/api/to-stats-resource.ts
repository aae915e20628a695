import { toUsd } from '../core/money.ts';
import { toPercentile } from '../stats/percentile.ts';
import type { QueueSample, SlotSample, StatCount, Stats, StatStep, StatTime } from '../stats/read-stats.ts';
import type { StatPointResource, StatsResource } from './contract.ts';

interface StatsOptions {
  readonly stats: Stats;
  readonly samples: { readonly queues: readonly QueueSample[]; readonly slots: readonly SlotSample[] };
  readonly now: StatsResource['now'];
  /** True when the caller may see the cost. */
  readonly showsCost: boolean;
  readonly from: Date;
  readonly to: Date;
  readonly step: StatStep;
  readonly timeZone: string;
}

/** Converts the statistics of the database to those of the API. */
export function toStatsResource({ stats, samples, now, showsCost, ...range }: StatsOptions): StatsResource {
  const byStep = {
    counts: groupByTime(stats.counts),
    times: groupByTime(stats.times),
    queues: groupByTime(samples.queues),
    slots: groupByTime(samples.slots),
  };
  const data = stats.steps.map((at): StatPointResource => {
    const key = at.getTime();
    const [slots] = byStep.slots.get(key) ?? [];
    return {
      at: at.toISOString(),
      ...toSums({ counts: byStep.counts.get(key) ?? [], times: byStep.times.get(key) ?? [], showsCost }),
      queues: toQueues(byStep.queues.get(key) ?? []),
      slots:
        slots === undefined
          ? null
          : { workers: round(slots.workers), total: round(slots.slots), running: round(slots.running) },
    };
  });
  const agents = [...Map.groupBy(stats.counts, ({ agent }) => agent)]
    .map(([agent, counts]) => ({ agent, ...toOutcomes(counts, showsCost) }))
    .toSorted((a, b) => b.submitted - a.submitted || a.agent.localeCompare(b.agent));
  const queues = [...Map.groupBy(samples.queues, ({ queue }) => queue)].map(([queue, rows]) => ({
    queue,
    data: rows.map(({ at, waiting }) => ({ at: at.toISOString(), waiting: round(waiting) })),
  }));
  return {
    data,
    totals: toSums({ ...stats, showsCost }),
    agents,
    queues,
    now,
    from: (stats.steps[0] ?? range.from).toISOString(),
    to: range.to.toISOString(),
    step: range.step,
    timeZone: range.timeZone,
  };
}

interface SumOptions {
  readonly counts: readonly StatCount[];
  readonly times: readonly StatTime[];
  readonly showsCost: boolean;
}

function toSums({ counts, times, showsCost }: SumOptions) {
  const byCode = Map.groupBy(
    counts.filter(({ kind }) => kind === 'failed'),
    ({ code }) => code,
  );
  return {
    ...toOutcomes(counts, showsCost),
    wait: toPercentiles(times, 'wait'),
    duration: toPercentiles(times, 'duration'),
    failures: [...byCode]
      .map(([code, rows]) => ({ code, runs: sum(rows) }))
      .toSorted((a, b) => b.runs - a.runs || a.code.localeCompare(b.code)),
  };
}

function toOutcomes(counts: readonly StatCount[], showsCost: boolean) {
  const of = (wanted: StatCount['kind']) => sum(counts.filter(({ kind }) => kind === wanted));
  return {
    submitted: of('submitted'),
    succeeded: of('succeeded'),
    failed: of('failed'),
    cancelled: of('cancelled'),
    costUsd: showsCost ? toUsd(of('cost')) : null,
  };
}

function sum(counts: readonly StatCount[]): number {
  return counts.reduce((total, { amount }) => total + amount, 0);
}

function toPercentiles(times: readonly StatTime[], wanted: StatTime['kind']) {
  const buckets = times.filter(({ kind }) => kind === wanted);
  const [p50Ms, p95Ms] = [toPercentile(buckets, 0.5), toPercentile(buckets, 0.95)];
  if (p50Ms === null || p95Ms === null) return null;
  return { p50Ms, p95Ms, runs: buckets.reduce((total, { runs }) => total + runs, 0) };
}

function toQueues(samples: readonly QueueSample[]): StatPointResource['queues'] {
  if (samples.length === 0) return null;
  const waits = samples.map(({ oldestWaitMs }) => oldestWaitMs).filter((wait) => wait !== null);
  const add = (value: (one: QueueSample) => number) => round(samples.reduce((total, one) => total + value(one), 0));
  return {
    waiting: add(({ waiting }) => waiting),
    delayed: add(({ delayed }) => delayed),
    held: add(({ held }) => held),
    oldestWaitSeconds: waits.length === 0 ? null : Math.max(...waits) / 1_000,
  };
}

function groupByTime<T extends { readonly at: Date }>(rows: readonly T[]): Map<number, T[]> {
  return Map.groupBy(rows, ({ at }) => at.getTime());
}

/** Rounds to two decimals. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
