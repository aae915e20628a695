import { Tooltip } from '@mantine/core';
import { ClockIcon } from '@radix-ui/react-icons';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { formatDuration, formatInstant, formatShare } from '../../../ui/format/format.ts';
import { VirtualList } from '../../../ui/list/virtual-list.tsx';
import { PageLoading } from '../../../ui/states/page-loading.tsx';
import { State } from '../../../ui/states/state.tsx';
import { toVisible } from '../../../ui/text/to-visible.ts';
import { useNow } from '../../../ui/time/use-now.ts';
import type { LogState } from '../log/use-run-log.ts';
import { toSpans, type Span, type SpanKind } from './to-spans.ts';
import classes from './timeline.module.css';

const KINDS: Readonly<Record<SpanKind, string>> = {
  queue: 'Queue',
  start: 'Start',
  model: 'Model',
  tool: 'Tools',
  person: 'People',
  wait: 'Limits',
  retry: 'Delay',
};

interface TimelineProps {
  readonly runId: string;
  readonly state: LogState;
}

/** Shows a run's time: queue, start, model calls, tools, waits and attempts. */
export function Timeline({ runId, state: { log, isRead } }: TimelineProps) {
  const length = log.events.length;
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- the events are added to in place
  const spans = useMemo(() => toSpans(log.events), [log, length]);
  if (!isRead && spans.length === 0) return <PageLoading />;
  if (spans.length === 0) {
    return (
      <State icon={<ClockIcon />} title="Nothing has happened yet">
        Activity appears here when the run starts.
      </State>
    );
  }
  return <Waterfall runId={runId} spans={spans} isLive={!log.isOver} />;
}

function Waterfall({ runId, spans, isLive }: { runId: string; spans: readonly Span[]; isLive: boolean }) {
  const now = useNow();
  const start = spans[0]!.from;
  const end = useMemo(() => {
    const last = spans.reduce((latest, { from, to }) => Math.max(latest, to ?? from), start);
    return isLive && spans.some(({ to }) => to === null) ? Math.max(last, now) : last;
  }, [spans, start, isLive, now]);
  const whole = Math.max(1, end - start);
  const sums = useMemo(() => toSums(spans, end), [spans, end]);
  return (
    <div className={classes['timeline']}>
      <dl className={classes['legend']}>
        {sums.map(({ kind, ms }) => (
          <div key={kind}>
            <dt>
              <span className={classes['swatch']} data-kind={kind} aria-hidden />
              {KINDS[kind]}
            </dt>
            <dd className="numeric">
              {formatDuration(ms)} <span>{formatShare(ms / whole)}</span>
            </dd>
          </div>
        ))}
      </dl>
      <div className={classes['axis']} aria-hidden>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share} className="numeric">
            {formatDuration(whole * share)}
          </span>
        ))}
      </div>
      <VirtualList
        label="Timeline"
        count={spans.length}
        toKey={(index) => spans[index]!.key}
        estimateHeight={30}
        render={(index) => {
          const span = spans[index]!;
          const isNewAttempt = index > 0 && span.attempt > spans[index - 1]!.attempt && span.attempt > 1;
          return (
            <>
              {isNewAttempt && <p className={classes['attempt']}>Attempt {span.attempt}</p>}
              <SpanRow runId={runId} span={span} start={start} end={end} whole={whole} />
            </>
          );
        }}
      />
    </div>
  );
}

interface SpanRowProps {
  readonly runId: string;
  readonly span: Span;
  readonly start: number;
  readonly end: number;
  readonly whole: number;
}

function SpanRow({ runId, span, start, end, whole }: SpanRowProps) {
  const took = (span.to ?? end) - span.from;
  const left = (100 * (span.from - start)) / whole;
  return (
    <Link
      to="/runs/$runId"
      params={{ runId }}
      search={{ event: String(span.seq) }}
      className={classes['row']}
      preload={false}
    >
      <span className={classes['title']} style={{ paddingLeft: Math.min(span.depth, 6) * 14 }}>
        <span className={classes['swatch']} data-kind={span.kind} aria-hidden />
        <bdi>{toVisible(span.title)}</bdi>
        {span.hasFailed && <span className={classes['failed']}>failed</span>}
      </span>
      <Tooltip label={formatInstant(span.from)}>
        <span className={classes['track']}>
          <span
            className={classes['bar']}
            data-kind={span.kind}
            data-live={span.to === null || undefined}
            style={{ left: `${left}%`, width: `max(3px, ${Math.min(100 - left, (100 * took) / whole)}%)` }}
          />
        </span>
      </Tooltip>
      <span className={`${classes['took']} numeric`}>{formatDuration(took)}</span>
    </Link>
  );
}

/** Sums the time of each kind. Spans within other spans are not counted again. */
function toSums(spans: readonly Span[], end: number): { kind: SpanKind; ms: number }[] {
  const byKind = new Map<SpanKind, number>();
  for (const { kind, from, to, depth } of spans) {
    // The wait for a decision is part of the tool's time, and is shown instead.
    if (depth > 0 && kind !== 'person') continue;
    byKind.set(kind, (byKind.get(kind) ?? 0) + (to ?? end) - from);
  }
  return [...byKind].map(([kind, ms]) => ({ kind, ms }));
}
