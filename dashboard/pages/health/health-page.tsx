import { Button } from '@mantine/core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { client } from '../../data/client.ts';
import { useIsConnected } from '../../data/connection.ts';
import { queuesQuery, workersQuery } from '../../data/figures.ts';
import { useIsLive } from '../../data/live.ts';
import { useRights, useSignedIn } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { Usd } from '../../ui/figures/usd.tsx';
import { formatBytes, formatCount, formatDuration } from '../../ui/format/format.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { messageOf } from '../../ui/states/message-of.ts';
import { Status } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { SimpleTable } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import classes from './health.module.css';

/** Checks each part: the server and its database, an agent, the workers and the provider. */
export function HealthPage() {
  const { isOperator, mayRead, isBound } = useRights();
  const isLive = useIsLive();
  const seesAll = isOperator || (mayRead && !isBound);
  return (
    <Page title="Health">
      <div className={classes['page']}>
        <Card title="Checks">
          <ul className={classes['checks']}>
            <ServerCheck />
            {isOperator && <DatabaseCheck />}
            {mayRead && (
              <Check tone={isLive ? 'green' : 'amber'} title="Live updates">
                {isLive ? 'Changes appear immediately.' : 'Not connected: pages refresh every few seconds.'}
              </Check>
            )}
            <AgentCheck />
            {isOperator && <WorkersCheck />}
            {seesAll && <ProviderCheck />}
          </ul>
        </Card>
        <Agents />
      </div>
    </Page>
  );
}

function Check({ tone, title, children }: { tone: Tone; title: string; children: ReactNode }) {
  return (
    <li>
      <Status tone={tone}>
        <strong>{title}</strong>
      </Status>
      <div>{children}</div>
    </li>
  );
}

/** Milliseconds above which a query is slow: it is usually answered within one. */
const SLOW_QUERY_MS = 250;

const serverHealthQuery = queryOptions({
  queryKey: ['server-health'],
  queryFn: () => client.serverHealth(),
  refetchInterval: 15_000,
});

function ServerCheck() {
  const { version, timeZone } = useSignedIn();
  const { isOperator } = useRights();
  const isConnected = useIsConnected();
  const { data } = useQuery({ ...serverHealthQuery, enabled: isOperator });
  const node = data === undefined ? '' : ` on Node ${data.nodeVersion}`;
  return (
    <Check tone={isConnected ? 'green' : 'red'} title="Server">
      {isConnected ? `Connected. Longhaul ${version}${node}, time zone ${timeZone}.` : 'No response.'}
    </Check>
  );
}

function DatabaseCheck() {
  const { data, error } = useQuery(serverHealthQuery);
  if (data === undefined) {
    return (
      <Check tone={error === null ? 'gray' : 'red'} title="Database">
        {error === null ? '…' : messageOf(error)}
      </Check>
    );
  }
  const { kind, version, schemaVersion, sizeBytes, latencyMs } = data.database;
  return (
    <Check tone={latencyMs > SLOW_QUERY_MS ? 'amber' : 'green'} title="Database">
      {kind === 'embedded' ? 'Embedded PostgreSQL' : 'PostgreSQL'} {version}, schema {schemaVersion},{' '}
      {formatBytes(sizeBytes)}. A query takes {formatDuration(latencyMs)}.
    </Check>
  );
}

const AGENT_TONES: Readonly<Record<'healthy' | 'degraded' | 'unhealthy', Tone>> = {
  healthy: 'green',
  degraded: 'amber',
  unhealthy: 'red',
};

function AgentCheck() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['agent-health'],
    queryFn: () => client.agentHealth({ waitSeconds: 30 }),
    staleTime: 60_000,
    refetchInterval: ({ state }) => (state.data?.isBeingChecked === true ? 3_000 : false),
  });
  const again = (
    <Button size="compact-xs" variant="default" loading={isFetching} onClick={() => void refetch()}>
      Ask again
    </Button>
  );
  if (data === undefined) {
    return (
      <Check tone={error === null ? 'gray' : 'red'} title="An agent's answer">
        {error === null ? 'The agent is asked for one word…' : messageOf(error)} {error !== null && again}
      </Check>
    );
  }
  const { status, agent, detail, code, latencyMs, costUsd, checkedAt, runId } = data;
  return (
    <Check tone={AGENT_TONES[status]} title="An agent's answer">
      {agent}: {toVisible(detail)} {code !== null && <code className="mono">{code}</code>}
      <p className={classes['facts']}>
        {latencyMs !== null && <span>{formatDuration(latencyMs)} from the queue to the answer</span>}
        {costUsd !== null && (
          <span>
            <Usd usd={costUsd} />
          </span>
        )}
        {checkedAt !== null && (
          <span>
            asked <Time at={checkedAt} />
          </span>
        )}
        {runId !== null && (
          <Link to="/runs/$runId" params={{ runId }}>
            Its run
          </Link>
        )}
        {again}
      </p>
    </Check>
  );
}

function WorkersCheck() {
  const { data, error } = useQuery(workersQuery);
  if (data === undefined) {
    return (
      <Check tone="gray" title="Workers">
        {error === null ? '…' : messageOf(error)}
      </Check>
    );
  }
  const working = data.filter(({ state }) => state === 'working');
  const free = working.reduce((sum, { slots, running }) => sum + slots - running, 0);
  const versions = [...new Set(data.map(({ version }) => version))];
  const tone = working.length === 0 ? 'red' : versions.length > 1 ? 'amber' : 'green';
  return (
    <Check tone={tone} title="Workers">
      {data.length === 0
        ? 'No worker is running, so runs wait. Start a worker with longhaul worker.'
        : `${formatCount(working.length)} of ${formatCount(data.length)} take runs, ${formatCount(free)} slots are free.`}{' '}
      {versions.length > 1 && `Their versions differ: ${versions.join(', ')}. `}
      <Link to="/queues">Workers</Link>
    </Check>
  );
}

function ProviderCheck() {
  const { data, error } = useQuery(queuesQuery);
  if (data === undefined) {
    return (
      <Check tone="gray" title="Model provider">
        {error === null ? '…' : messageOf(error)}
      </Check>
    );
  }
  const limited = data.filter(({ limitedUntil }) => limitedUntil !== null);
  return (
    <Check tone={limited.length === 0 ? 'green' : 'amber'} title="Model provider">
      {limited.length === 0
        ? 'No limit is reached.'
        : limited.map(({ name, limitedUntil, limitReason }) => (
            <p key={name} className={classes['facts']}>
              <span>
                Queue {name} waits, and continues <Time at={limitedUntil!} />
                {limitReason !== null && `: ${toVisible(limitReason)}`}
              </span>
            </p>
          ))}
    </Check>
  );
}

function Agents() {
  const { data, error, refetch } = useQuery(agentsQuery);
  return (
    <Card title="Agents" hint="from the configuration of the server" isFlush>
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} isCompact />
        )
      ) : (
        <SimpleTable
          label="Agents"
          rows={data}
          toId={({ name }) => name}
          columns={[
            { title: 'Agent', cell: ({ name }) => name },
            { title: 'Model', cell: ({ model }) => model },
            { title: 'Tools', isMinor: true, cell: ({ tools }) => (tools.length === 0 ? 'none' : tools.join(', ')) },
            { title: 'Permissions', isMinor: true, cell: ({ permissionMode }) => permissionMode },
            { title: 'Queue', isMinor: true, cell: ({ queue }) => queue },
            { title: 'Budget', align: 'right', cell: ({ limits }) => <Usd usd={limits.maxBudgetUsd} /> },
            { title: 'Turns', align: 'right', isMinor: true, cell: ({ limits }) => limits.maxTurns },
            {
              title: 'Time',
              align: 'right',
              isMinor: true,
              cell: ({ limits }) => formatDuration(limits.timeoutSeconds * 1_000),
            },
          ]}
        />
      )}
    </Card>
  );
}
