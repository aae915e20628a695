import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { agentsQuery } from '../../data/agents.ts';
import { SPANS, statsQuery, toSpanName } from '../../data/figures.ts';
import { useRights } from '../../data/signed-in.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { Attention } from './attention.tsx';
import { Charts } from './charts.tsx';
import { KeyFigures } from './key-figures.tsx';
import { Money } from './money.tsx';
import { Now } from './now.tsx';
import classes from './overview.module.css';

/** Shows the state of the service: load, success, queues, costs, and problems that need attention. */
export function OverviewPage() {
  const search = useSearch({ from: '/' });
  const navigate = useNavigate({ from: '/' });
  const { isOperator, isBound } = useRights();
  const span = toSpanName(search.time);
  const agents = useQuery(agentsQuery);
  const { data: stats, error, refetch } = useQuery(statsQuery(span, search.agent));
  return (
    <Page
      title="Overview"
      actions={
        <>
          <Select
            aria-label="Agent"
            w={150}
            placeholder="All agents"
            clearable
            data={agents.data?.map(({ name }) => name) ?? []}
            value={search.agent ?? null}
            onChange={(agent) => void navigate({ search: { ...search, agent: agent ?? undefined }, replace: true })}
          />
          <Select
            aria-label="Time"
            w={140}
            allowDeselect={false}
            data={Object.entries(SPANS).map(([value, { title }]) => ({ value, label: title }))}
            value={span}
            onChange={(time) => void navigate({ search: { ...search, time: time ?? undefined }, replace: true })}
          />
        </>
      }
    >
      {stats === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )
      ) : (
        <div className={classes['overview']}>
          <Attention />
          <KeyFigures stats={stats} span={span} />
          <Charts stats={stats} span={span} agent={search.agent} />
          <div className={classes['columns']}>
            <Now />
            {(isOperator || isBound) && <Money />}
          </div>
        </div>
      )}
    </Page>
  );
}
