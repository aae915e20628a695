import { ActivityLogIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { client } from '../../data/client.ts';
import { useLookInterval } from '../../data/live.ts';
import { Card } from '../../ui/card/card.tsx';
import { firstLine } from '../../ui/format/format.ts';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { RunStatus } from '../../ui/status/run-status.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Duration } from '../../ui/time/time.tsx';
import classes from './overview.module.css';

/** Lists the unfinished runs, newest first. */
export function Now() {
  const interval = useLookInterval();
  const { data, error } = useQuery({
    queryKey: ['unfinished'],
    queryFn: () => client.runs({ anyStatus: ['running', 'waiting', 'queued'], limit: 8, maxText: 200 }),
    refetchInterval: interval,
  });
  return (
    <Card
      title="In progress"
      actions={
        <Link to="/runs" search={{ status: 'queued,running,waiting' }}>
          All
        </Link>
      }
    >
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} isCompact />
        )
      ) : data.data.length === 0 ? (
        <State icon={<ActivityLogIcon />} title="No runs in progress" isCompact>
          Runs appear here while they wait or run.
        </State>
      ) : (
        <ul className={classes['now']}>
          {data.data.map((run) => (
            <li key={run.id}>
              <RunStatus run={run} />
              <Link to="/runs/$runId" params={{ runId: run.id }}>
                <bdi>{toVisible(firstLine(run.prompt)) || 'An empty prompt'}</bdi>
              </Link>
              <span className={classes['quiet']}>{run.agent}</span>
              <Duration from={run.startedAt ?? run.createdAt} to={null} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
