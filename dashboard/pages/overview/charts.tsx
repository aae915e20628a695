import { BarChartIcon } from '@radix-ui/react-icons';
import { Link } from '@tanstack/react-router';
import type { StatsResource } from 'longhaul/client';
import { useMemo } from 'react';
import type { SpanName } from '../../data/figures.ts';
import { Card } from '../../ui/card/card.tsx';
import { ShareBars } from '../../ui/chart/share-bars.tsx';
import { TimeChart, type Series } from '../../ui/chart/time-chart.tsx';
import { formatCompact, formatCount, formatDuration, formatShare, formatUsd } from '../../ui/format/format.ts';
import { State } from '../../ui/states/state.tsx';
import classes from './overview.module.css';

interface ChartsProps {
  readonly stats: StatsResource;
  readonly span: SpanName;
  readonly agent: string | undefined;
}

/** Charts of the figures over time. */
export function Charts({ stats, span, agent }: ChartsProps) {
  const { totals, agents } = stats;
  const { at, outcomes, timing, depth, slots, cost } = useSeries(stats);
  const hasStands = stats.data.some((point) => point.queues !== null);
  const step = { minute: 'each minute', hour: 'each hour', day: 'each day' }[stats.step];
  return (
    <>
      <div className={classes['columns']} data-wide>
        <Card title="Runs" hint={`finished, ${step}`}>
          <TimeChart label="Finished runs" at={at} series={outcomes} kind="bars" format={formatCompact} height={190} />
        </Card>
        <Failures totals={totals} span={span} agent={agent} />
      </div>
      <div className={classes['columns']}>
        <Card title="Wait and duration">
          <TimeChart label="Wait and duration of runs" at={at} series={timing} kind="lines" format={formatDuration} />
        </Card>
        {totals.costUsd !== null && (
          <Card title="Cost" hint={step}>
            <TimeChart label="Cost" at={at} series={cost} kind="bars" format={formatUsd} />
          </Card>
        )}
      </div>
      {hasStands && (
        <div className={classes['columns']}>
          <Card title="Waiting in queues" hint={`on average, ${step}`}>
            <TimeChart label="Runs that waited in queues" at={at} series={depth} kind="bars" format={formatCompact} />
          </Card>
          <Card title="Slots" hint={`on average, ${step}`}>
            <TimeChart label="Slots of workers" at={at} series={slots} kind="lines" format={formatCompact} />
          </Card>
        </div>
      )}
      {agent === undefined && agents.length > 1 && <AgentTable agents={agents} hasCosts={totals.costUsd !== null} />}
    </>
  );
}

/** Returns what the charts draw. */
function useSeries({ data, queues }: StatsResource) {
  const at = useMemo(() => data.map((point) => point.at), [data]);
  const outcomes = useMemo(
    (): Series[] => [
      { label: 'Succeeded', color: 2, values: data.map(({ succeeded }) => succeeded) },
      { label: 'Failed', color: 3, values: data.map(({ failed }) => failed) },
      { label: 'Cancelled', color: 6, values: data.map(({ cancelled }) => cancelled) },
    ],
    [data],
  );
  const timing = useMemo(
    (): Series[] => [
      { label: 'Duration p95', color: 1, values: data.map(({ duration }) => duration?.p95Ms ?? null) },
      { label: 'Duration p50', color: 5, values: data.map(({ duration }) => duration?.p50Ms ?? null) },
      { label: 'Wait p95', color: 4, values: data.map(({ wait }) => wait?.p95Ms ?? null) },
    ],
    [data],
  );
  const depth = useMemo((): Series[] => toDepth(queues, at), [queues, at]);
  const slots = useMemo(
    (): Series[] => [
      { label: 'Running', color: 1, values: data.map((point) => point.slots?.running ?? null) },
      { label: 'Slots', color: 6, values: data.map((point) => point.slots?.total ?? null) },
    ],
    [data],
  );
  const cost = useMemo(
    (): Series[] => [{ label: 'Cost', color: 1, values: data.map(({ costUsd }) => costUsd) }],
    [data],
  );
  return { at, outcomes, timing, depth, slots, cost };
}

interface FailuresProps extends Pick<ChartsProps, 'span' | 'agent'> {
  readonly totals: StatsResource['totals'];
}

/** The most frequent errors, each with a link to its runs. */
function Failures({ totals, span, agent }: FailuresProps) {
  return (
    <Card title="Why runs failed">
      {totals.failures.length === 0 ? (
        <State icon={<BarChartIcon />} title="Nothing failed" isCompact />
      ) : (
        <ShareBars
          tone="red"
          rows={totals.failures.slice(0, 6).map(({ code, runs }) => ({
            key: code,
            label: (
              <Link to="/runs" search={{ error: code, status: 'failed', time: toRunTime(span), agent }}>
                {code}
              </Link>
            ),
            amount: runs,
            shown: `${formatCount(runs)} · ${formatShare(runs / totals.failed)}`,
          }))}
        />
      )}
    </Card>
  );
}

interface AgentTableProps {
  readonly agents: StatsResource['agents'];
  readonly hasCosts: boolean;
}

function AgentTable({ agents, hasCosts }: AgentTableProps) {
  return (
    <Card title="By agent" isFlush>
      <div className={classes['scroll']} tabIndex={0} role="region" aria-label="Figures by agent">
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">Agent</th>
              <th scope="col">Submitted</th>
              <th scope="col">Succeeded</th>
              <th scope="col">Failed</th>
              <th scope="col">Cancelled</th>
              {hasCosts && <th scope="col">Cost</th>}
            </tr>
          </thead>
          <tbody>
            {agents.slice(0, 20).map((row) => (
              <tr key={row.agent}>
                <th scope="row">
                  <Link to="/" search={(current) => ({ ...current, agent: row.agent })}>
                    {row.agent}
                  </Link>
                </th>
                <td>{formatCount(row.submitted)}</td>
                <td>{formatCount(row.succeeded)}</td>
                <td>{formatCount(row.failed)}</td>
                <td>{formatCount(row.cancelled)}</td>
                {hasCosts && <td>{row.costUsd === null ? '–' : formatUsd(row.costUsd)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

const MOST_QUEUES = 5;

/** Shows the queues with the most waiting runs, and the sum of the others. */
function toDepth(queues: StatsResource['queues'], at: readonly string[]): Series[] {
  const sums = queues
    .map(({ queue, data }) => {
      const byStart = new Map(data.map((point) => [point.at, point.waiting]));
      const values = at.map((start) => byStart.get(start) ?? 0);
      return { queue, values, sum: values.reduce((a, b) => a + b, 0) };
    })
    .sort((a, b) => b.sum - a.sum);
  const shown: Series[] = sums
    .slice(0, MOST_QUEUES)
    .map(({ queue, values }, index) => ({ label: queue, values, color: COLORS[index]! }));
  const rest = sums.slice(MOST_QUEUES);
  if (rest.length === 0) return shown;
  const values = at.map((_, index) => rest.reduce((sum, one) => sum + one.values[index]!, 0));
  return [...shown, { label: 'Others', values, color: 6 }];
}

const COLORS = [1, 5, 4, 2, 3] as const;

/** The list of runs offers fewer time ranges. */
function toRunTime(span: SpanName): string {
  return span === '6h' ? '24h' : span === '90d' ? '' : span;
}
