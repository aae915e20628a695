import { Button } from '@mantine/core';
import { LayersIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { QueueResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { queuesQuery } from '../../data/figures.ts';
import { useAction } from '../../data/use-action.ts';
import { useRights } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { formatCount, formatDuration } from '../../ui/format/format.ts';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import classes from './queues.module.css';

/** Only where Redis or SQS wakes the workers, and counts. */
const WAKE_UPS: SimpleColumn<QueueResource> = {
  title: 'Wake-ups',
  align: 'right',
  isMinor: true,
  cell: ({ undelivered }) => (undelivered === null ? 'away' : formatCount(undelivered)),
};

/** Lists the queues: the number of waiting runs, the oldest wait and its cause. */
export function Queues() {
  const { isOperator } = useRights();
  const { data, error, refetch } = useQuery(queuesQuery);
  const columns: SimpleColumn<QueueResource>[] = [
    {
      title: 'Queue',
      cell: ({ name, pausedAt, limitedUntil }) => (
        <span className={classes['name']}>
          {name}
          {pausedAt !== null && <Tag tone="amber">paused</Tag>}
          {limitedUntil !== null && <Tag tone="blue">provider at its limit</Tag>}
        </span>
      ),
    },
    { title: 'Waiting', align: 'right', cell: ({ waiting }) => formatCount(waiting) },
    {
      title: 'Oldest wait',
      align: 'right',
      cell: ({ oldestWaitSeconds: seconds }) => (seconds === null ? '–' : formatDuration(seconds * 1_000)),
    },
    { title: 'Held', align: 'right', isMinor: true, cell: ({ held }) => formatCount(held) },
    { title: 'Later', align: 'right', isMinor: true, cell: ({ delayed }) => formatCount(delayed) },
    ...(data?.some(({ undelivered }) => undelivered !== null) === true ? [WAKE_UPS] : []),
    {
      title: 'Runs',
      align: 'right',
      isMinor: true,
      cell: ({ name }) => (
        <Link to="/runs" search={{ queue: name, status: 'queued,running,waiting' }}>
          Show
        </Link>
      ),
    },
    ...(isOperator
      ? [
          {
            title: 'Action',
            align: 'right',
            cell: (queue) => <PauseButton queue={queue} />,
          } as SimpleColumn<QueueResource>,
        ]
      : []),
  ];
  return (
    <Card title="Queues" hint="Held: a concurrency limit is reached" isFlush>
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} isCompact />
        )
      ) : data.length === 0 ? (
        <State icon={<LayersIcon />} title="No queues" isCompact>
          Each agent in the configuration has a queue.
        </State>
      ) : (
        <SimpleTable label="Queues" columns={columns} rows={data} toId={({ name }) => name} below={explain} />
      )}
    </Card>
  );
}

function explain({ pausedAt, limitedUntil, limitReason }: QueueResource) {
  if (pausedAt === null && limitedUntil === null) return null;
  return (
    <p className={classes['quiet']}>
      {pausedAt !== null && (
        <>
          Paused <Time at={pausedAt} />: no run starts until it is resumed.{' '}
        </>
      )}
      {limitedUntil !== null && (
        <>
          A limit of the provider is reached, runs start again <Time at={limitedUntil} />
          {limitReason === null ? '.' : `: ${toVisible(limitReason)}`}
        </>
      )}
    </p>
  );
}

function PauseButton({ queue: { name, pausedAt } }: { queue: QueueResource }) {
  const toggle = useAction({
    act: () => (pausedAt === null ? client.pauseQueue(name) : client.resumeQueue(name)),
    changes: ['queues'],
  });
  return (
    <Button size="compact-xs" variant="default" loading={toggle.isPending} onClick={() => toggle.mutate()}>
      {pausedAt === null ? 'Pause' : 'Resume'}
    </Button>
  );
}
