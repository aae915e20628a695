import type { StatsResource } from 'longhaul/client';
import { SPANS, type SpanName } from '../../data/figures.ts';
import { Figure, Figures } from '../../ui/card/figure.tsx';
import { Usd } from '../../ui/figures/usd.tsx';
import { formatCount, formatDuration, formatShare } from '../../ui/format/format.ts';

interface KeyFiguresProps {
  readonly stats: StatsResource;
  readonly span: SpanName;
}

/** The key figures of the service. */
export function KeyFigures({ stats: { totals, now }, span }: KeyFiguresProps) {
  const ended = totals.succeeded + totals.failed;
  const success = ended === 0 ? null : totals.succeeded / ended;
  const perMinute = totals.submitted / (SPANS[span].ms / 60_000);
  return (
    <Figures>
      <Figure
        label="Runs submitted"
        value={formatCount(totals.submitted)}
        detail={`${perMinute.toLocaleString('en-US', { maximumSignificantDigits: 2 })} a minute`}
      />
      <Figure
        label="Success rate"
        value={success === null ? '–' : formatShare(success)}
        detail={`${formatCount(totals.failed)} failed, ${formatCount(totals.cancelled)} cancelled`}
        tone={success !== null && success < 0.8 ? 'red' : success !== null && success < 0.9 ? 'amber' : undefined}
      />
      <Figure
        label="Wait, p95"
        value={totals.wait === null ? '–' : formatDuration(totals.wait.p95Ms)}
        detail={totals.wait === null ? 'nothing ended' : `p50 ${formatDuration(totals.wait.p50Ms)}`}
      />
      <Figure
        label="Duration, p95"
        value={totals.duration === null ? '–' : formatDuration(totals.duration.p95Ms)}
        detail={totals.duration === null ? 'nothing ended' : `p50 ${formatDuration(totals.duration.p50Ms)}`}
      />
      <Figure
        label="Now"
        value={`${formatCount(now.running)} running`}
        detail={`${formatCount(now.queued)} queued, ${formatCount(now.waiting)} waiting`}
      />
      {totals.costUsd !== null && (
        <Figure
          label="Cost"
          value={<Usd usd={totals.costUsd} />}
          detail={
            totals.succeeded === 0
              ? 'no success yet'
              : `$${(totals.costUsd / totals.succeeded).toLocaleString('en-US', { maximumSignificantDigits: 3 })} a success`
          }
        />
      )}
    </Figures>
  );
}
