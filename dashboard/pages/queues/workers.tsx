import { RocketIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import type { WorkerResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { workersQuery } from '../../data/figures.ts';
import { useAction } from '../../data/use-action.ts';
import { Card } from '../../ui/card/card.tsx';
import { ConfirmButton } from '../../ui/form/confirm-button.tsx';
import { formatBytes, formatCount, shortId } from '../../ui/format/format.ts';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Status } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import classes from './queues.module.css';

const STATES: Readonly<Record<WorkerResource['state'], { tone: Tone; word: string }>> = {
  working: { tone: 'green', word: 'Working' },
  holding: { tone: 'amber', word: 'Holding' },
  draining: { tone: 'gray', word: 'Draining' },
};

const CONTAINMENT: Readonly<Record<string, string>> = {
  mount_namespace: 'Processes and files of other attempts are hidden.',
  pid_namespace: 'Processes run in a PID namespace.',
  parent_death_signal: 'Processes end when their parent ends.',
  mark: 'Processes are found by a mark.',
};

const COLUMNS: SimpleColumn<WorkerResource>[] = [
  {
    title: 'Worker',
    cell: ({ host, pid, id }) => (
      <span title={id}>
        {host} <span className={classes['quiet']}>{pid}</span>
      </span>
    ),
  },
  {
    title: 'State',
    cell: ({ state }) => <Status tone={STATES[state].tone}>{STATES[state].word}</Status>,
  },
  { title: 'Slots', align: 'right', cell: ({ running, slots }) => `${formatCount(running)} of ${formatCount(slots)}` },
  { title: 'Pre-started', align: 'right', isMinor: true, cell: ({ spares }) => formatCount(spares) },
  {
    title: 'Free memory',
    align: 'right',
    isMinor: true,
    cell: ({ freeMemoryBytes }) => (freeMemoryBytes === null ? '–' : formatBytes(freeMemoryBytes)),
  },
  { title: 'Version', isMinor: true, cell: ({ version }) => version },
  { title: 'Started', align: 'right', isMinor: true, cell: ({ startedAt }) => <Time at={startedAt} /> },
  { title: 'Last heartbeat', align: 'right', isMinor: true, cell: ({ heartbeatAt }) => <Time at={heartbeatAt} /> },
  { title: 'Action', align: 'right', cell: (worker) => <DrainButton worker={worker} /> },
];

/** Lists the live workers. */
export function Workers() {
  const { data, error, refetch } = useQuery(workersQuery);
  const free = data?.reduce((sum, { slots, running }) => sum + slots - running, 0) ?? 0;
  return (
    <Card
      title="Workers"
      hint={data === undefined ? undefined : `${formatCount(free)} ${free === 1 ? 'slot' : 'slots'} free`}
      isFlush
    >
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} isCompact />
        )
      ) : data.length === 0 ? (
        <State icon={<RocketIcon />} title="No worker is running" isCompact>
          Runs wait. Start a worker with longhaul worker on any machine that can reach the database.
        </State>
      ) : (
        <SimpleTable label="Workers" columns={COLUMNS} rows={data} toId={({ id }) => id} below={explain} />
      )}
    </Card>
  );
}

function explain({ holdingReason, containment }: WorkerResource) {
  if (holdingReason === null && containment === null) return null;
  return (
    <p className={classes['quiet']}>
      {holdingReason !== null && <>The worker takes no runs now: {toVisible(holdingReason)} </>}
      {containment !== null && (CONTAINMENT[containment] ?? containment)}
    </p>
  );
}

function DrainButton({ worker: { id, state, running, host } }: { worker: WorkerResource }) {
  const drain = useAction({
    act: () => client.drainWorker(id),
    changes: ['workers'],
    done: `Worker ${shortId(id)} takes no more runs.`,
  });
  if (state === 'draining') return null;
  return (
    <ConfirmButton
      label="Drain"
      title={`Drain the worker on ${host}`}
      confirm="Drain"
      isPending={drain.isPending}
      onConfirm={() => drain.mutateAsync()}
    >
      It takes no more runs, finishes its {formatCount(running)} and exits. A supervisor that restarts it will start a
      new worker.
    </ConfirmButton>
  );
}
