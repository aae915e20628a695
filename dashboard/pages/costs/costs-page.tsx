import { SegmentedControl, Select } from '@mantine/core';
import { BarChartIcon, DownloadIcon } from '@radix-ui/react-icons';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { CostRowResource, CostsResource } from 'longhaul/client';
import { Button } from '@mantine/core';
import { useMemo } from 'react';
import { client } from '../../data/client.ts';
import { useRights, useSignedIn } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { Figure, Figures } from '../../ui/card/figure.tsx';
import { ShareBars } from '../../ui/chart/share-bars.tsx';
import { TimeChart, type Series } from '../../ui/chart/time-chart.tsx';
import { Usd } from '../../ui/figures/usd.tsx';
import { formatCompact, formatCount, formatShare, formatUsd } from '../../ui/format/format.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toCsv } from './to-csv.ts';
import { PERIODS, toPeriodName, toRange } from './cost-period.ts';
import classes from './costs.module.css';

const GROUPS = ['day', 'month', 'user', 'team', 'agent', 'model'] as const;
type Group = (typeof GROUPS)[number];

/** Shows the costs by group, including the cost of failures and retries. */
export function CostsPage() {
  const { isOperator, isBound, mayRead } = useRights();
  const { timeZone } = useSignedIn();
  const search = useSearch({ from: '/costs' });
  const navigate = useNavigate({ from: '/costs' });
  const group = GROUPS.find((one) => one === search.by) ?? 'day';
  const period = toPeriodName(search.time);
  const isAllowed = isOperator || (isBound && mayRead);
  const query = useInfiniteQuery({
    queryKey: ['costs', group, period],
    queryFn: ({ pageParam }) =>
      client.costs({
        groupBy: group,
        ...toRange(period, Date.now(), timeZone),
        limit: 200,
        cursor: pageParam ?? undefined,
      }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    placeholderData: keepPreviousData,
    enabled: isAllowed,
  });
  if (!isAllowed) {
    return (
      <Page title="Costs">
        <NoPermission />
      </Page>
    );
  }
  const pages = query.data?.pages;
  return (
    <Page
      title="Costs"
      actions={
        <>
          <SegmentedControl
            aria-label="By"
            data={GROUPS.map((value) => ({ value, label: `${value[0]!.toUpperCase()}${value.slice(1)}` }))}
            value={group}
            onChange={(by) => void navigate({ search: { ...search, by }, replace: true })}
          />
          <Select
            aria-label="Time"
            w={140}
            allowDeselect={false}
            data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
            value={period}
            onChange={(time) => void navigate({ search: { ...search, time: time ?? undefined }, replace: true })}
          />
        </>
      }
    >
      {pages === undefined ? (
        query.error === null ? (
          <PageLoading />
        ) : (
          <Failed error={query.error} onRetry={() => void query.refetch()} />
        )
      ) : (
        <Costs
          costs={pages[0]!}
          rows={pages.flatMap(({ data }) => data)}
          group={group}
          hasMore={query.hasNextPage}
          onMore={() => void query.fetchNextPage()}
        />
      )}
    </Page>
  );
}

interface CostsProps {
  readonly costs: CostsResource;
  readonly rows: readonly CostRowResource[];
  readonly group: Group;
  readonly hasMore: boolean;
  readonly onMore: () => void;
}

function Costs({ costs, rows, group, hasMore, onMore }: CostsProps) {
  const { totals, forecast, timeZone } = costs;
  if (rows.length === 0) {
    return (
      <State icon={<BarChartIcon />} title="No costs in this period">
        Costs appear here with each model call.
      </State>
    );
  }
  return (
    <div className={classes['page']}>
      <Figures>
        <Figure
          label="Cost"
          value={<Usd usd={totals.costUsd} />}
          detail={`${formatCount(totals.runs)} runs finished`}
        />
        <Figure
          label="Cost per success"
          value={totals.costPerSucceededRunUsd === null ? '–' : <Usd usd={totals.costPerSucceededRunUsd} />}
          detail="failures included"
        />
        <Figure
          label="Repeated attempts"
          value={<Usd usd={totals.retriedCostUsd} />}
          detail={totals.costUsd > 0 ? formatShare(totals.retriedCostUsd / totals.costUsd) : undefined}
        />
        <Figure
          label="Agent SDK's count less ours"
          value={totals.driftUsd === null ? '–' : <Usd usd={totals.driftUsd} />}
          detail={totals.unpricedUsd > 0 ? `${formatUsd(totals.unpricedUsd)} has no list price` : 'over what has both'}
        />
        {forecast.monthUsd !== null && (
          <Figure
            label="Forecast for this month"
            value={`$${Math.round(forecast.monthUsd).toLocaleString('en-US')}`}
            detail={forecast.dayUsd === null ? undefined : `today $${forecast.dayUsd.toFixed(2)}`}
          />
        )}
      </Figures>
      <Chart rows={rows} group={group} />
      <Card
        title={`By ${group}`}
        hint={group === 'day' || group === 'month' ? `in ${timeZone}` : undefined}
        actions={
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<DownloadIcon />}
            component="a"
            href={URL.createObjectURL(new Blob([toCsv(group, rows)], { type: 'text/csv' }))}
            download={`costs-by-${group}.csv`}
          >
            CSV
          </Button>
        }
        isFlush
      >
        <SimpleTable label={`Costs by ${group}`} columns={toColumns(group)} rows={rows} toId={({ key }) => key ?? ''} />
        {hasMore && (
          <div className={classes['more']}>
            <Button variant="default" onClick={onMore}>
              Load more
            </Button>
          </div>
        )}
      </Card>
    </div>
  );
}

function Chart({ rows, group }: { rows: readonly CostRowResource[]; group: Group }) {
  const isOverTime = group === 'day' || group === 'month';
  const { at, series } = useMemo(() => {
    const days = [...rows].filter(({ key }) => key !== null).sort((a, b) => (a.key! < b.key! ? -1 : 1));
    const one = (label: string, color: Series['color'], toValue: (row: CostRowResource) => number): Series => ({
      label,
      color,
      values: days.map(toValue),
    });
    return {
      at: days.map(({ key }) => `${key!.length === 7 ? `${key}-01` : key}T00:00:00`),
      series: [
        one('Cost', 1, ({ costUsd, retriedCostUsd }) => costUsd - retriedCostUsd),
        one('On repeated attempts', 3, ({ retriedCostUsd }) => retriedCostUsd),
      ],
    };
  }, [rows]);
  if (isOverTime) {
    return (
      <Card title="Over time">
        <TimeChart label="Costs" at={at} series={series} kind="bars" format={formatUsd} height={200} />
      </Card>
    );
  }
  return (
    <Card title="The largest">
      <ShareBars
        rows={rows.slice(0, 8).map((row) => ({
          key: row.key ?? '',
          label: <Key row={row} group={group} />,
          amount: row.costUsd,
          shown: formatUsd(row.costUsd),
        }))}
      />
    </Card>
  );
}

function Key({ row: { key }, group }: { row: CostRowResource; group: Group }) {
  if (key === null) return <em>without a {group}</em>;
  if (group === 'user' || group === 'team' || group === 'agent') {
    return (
      <Link to="/runs" search={{ [group]: key }}>
        <bdi>{key}</bdi>
      </Link>
    );
  }
  return <bdi>{key}</bdi>;
}

function toColumns(group: Group): SimpleColumn<CostRowResource>[] {
  return [
    { title: `${group[0]!.toUpperCase()}${group.slice(1)}`, cell: (row) => <Key row={row} group={group} /> },
    { title: 'Cost', align: 'right', cell: ({ costUsd }) => <Usd usd={costUsd} /> },
    { title: 'Runs', align: 'right', cell: ({ runs }) => formatCount(runs) },
    {
      title: 'Succeeded',
      align: 'right',
      isMinor: true,
      cell: ({ runs, succeededRuns }) => (runs === 0 ? '–' : formatShare(succeededRuns / runs)),
    },
    {
      title: 'A success',
      align: 'right',
      isMinor: true,
      cell: ({ costPerSucceededRunUsd: usd }) => (usd === null ? '–' : <Usd usd={usd} />),
    },
    { title: 'Repeated', align: 'right', isMinor: true, cell: ({ retriedCostUsd }) => <Usd usd={retriedCostUsd} /> },
    { title: 'Input', align: 'right', isMinor: true, cell: ({ inputTokens }) => <Tokens count={inputTokens} /> },
    { title: 'Output', align: 'right', isMinor: true, cell: ({ outputTokens }) => <Tokens count={outputTokens} /> },
    {
      title: 'From cache',
      align: 'right',
      isMinor: true,
      cell: ({ cacheReadTokens }) => <Tokens count={cacheReadTokens} />,
    },
    {
      title: 'SDK less ours',
      align: 'right',
      isMinor: true,
      cell: ({ driftUsd }) => (driftUsd === null ? '–' : <Usd usd={driftUsd} />),
    },
  ];
}

function Tokens({ count }: { count: number }) {
  return <span title={formatCount(count)}>{formatCompact(count)}</span>;
}
