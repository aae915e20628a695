import { Link } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { firstLine, formatCompact, formatDuration, shortId } from '../../ui/format/format.ts';
import { Usd } from '../../ui/figures/usd.tsx';
import { isUnfinished, RunStatus } from '../../ui/status/run-status.tsx';
import { rowLink, type Column } from '../../ui/table/data-table.tsx';
import { Duration, Time } from '../../ui/time/time.tsx';
import classes from './run-columns.module.css';

const QUIET = <span className={classes['quiet']}>–</span>;

function RunLink({ run }: { run: RunResource }) {
  const text = firstLine(run.prompt);
  return (
    <>
      <Link to="/runs/$runId" params={{ runId: run.id }} className={rowLink} preload={false}>
        {text === '' ? <em>An empty prompt</em> : <bdi>{text}</bdi>}
      </Link>
      {run.status === 'failed' && run.error !== null && <span className={classes['code']}>{run.error.code}</span>}
    </>
  );
}

function Took({ run }: { run: RunResource }) {
  if (run.durationMs !== null && !isUnfinished(run.status)) return <>{formatDuration(run.durationMs)}</>;
  if (run.status === 'running' && run.startedAt !== null) return <Duration from={run.startedAt} to={null} />;
  return QUIET;
}

/** Columns of the list of runs. */
export const RUN_COLUMNS: readonly Column<RunResource>[] = [
  { id: 'status', title: 'Status', width: '148px', cell: (run) => <RunStatus run={run} /> },
  { id: 'prompt', title: 'Prompt', width: 'minmax(220px, 1fr)', cell: (run) => <RunLink run={run} /> },
  { id: 'error', title: 'Error', width: '140px', cell: ({ error }) => error?.code ?? QUIET },
  { id: 'agent', title: 'Agent', width: '104px', cell: ({ agent }) => agent },
  { id: 'user', title: 'User', width: '100px', cell: ({ user }) => (user === null ? QUIET : <bdi>{user}</bdi>) },
  { id: 'team', title: 'Team', width: '100px', cell: ({ team }) => (team === null ? QUIET : <bdi>{team}</bdi>) },
  { id: 'cost', title: 'Cost', width: '96px', align: 'right', cell: ({ costUsd }) => <Usd usd={costUsd} /> },
  { id: 'duration', title: 'Duration', width: '84px', align: 'right', cell: (run) => <Took run={run} /> },
  { id: 'turns', title: 'Turns', width: '52px', align: 'right', cell: ({ turns }) => turns },
  {
    id: 'tokens',
    title: 'Tokens',
    width: '72px',
    align: 'right',
    cell: ({ usage }) => formatCompact(Object.values(usage).reduce((sum, count) => sum + count, 0)),
  },
  {
    id: 'attempts',
    title: 'Attempts',
    width: '68px',
    align: 'right',
    cell: ({ attempt, maxAttempts }) => `${attempt} / ${maxAttempts}`,
  },
  { id: 'id', title: 'Id', width: '84px', cell: ({ id }) => <span className="mono">{shortId(id)}</span> },
  {
    id: 'session',
    title: 'Session',
    width: '84px',
    cell: ({ sessionId }) => <span className="mono">{shortId(sessionId)}</span>,
  },
  {
    id: 'metadata',
    title: 'Metadata',
    width: 'minmax(120px, 220px)',
    cell: ({ metadata }) => (Object.keys(metadata).length === 0 ? QUIET : <bdi>{toLine(metadata)}</bdi>),
  },
  {
    id: 'created',
    title: 'Submitted',
    width: '88px',
    align: 'right',
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
];

export const HIDDEN_AT_FIRST: readonly string[] = [
  'error',
  'team',
  'turns',
  'tokens',
  'attempts',
  'id',
  'session',
  'metadata',
];

function toLine(metadata: RunResource['metadata']): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
    .slice(0, 200);
}

/** A run on narrow screens, without columns. */
export function CompactRun({ run }: { readonly run: RunResource }) {
  return (
    <div className={classes['compact']}>
      <div>
        <RunLink run={run} />
      </div>
      <div className={classes['line']}>
        <RunStatus run={run} />
        <span>{run.agent}</span>
        <Usd usd={run.costUsd} />
        <Took run={run} />
        <span className={classes['end']}>
          <Time at={run.createdAt} />
        </span>
      </div>
    </div>
  );
}
