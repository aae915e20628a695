import { BellIcon, CheckCircledIcon, PauseIcon, PersonIcon, RocketIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { openAlertsQuery } from '../../data/alerts.ts';
import { pendingApprovalsQuery } from '../../data/approvals.ts';
import { queuesQuery, workersQuery } from '../../data/figures.ts';
import { useRights } from '../../data/signed-in.ts';
import { Time } from '../../ui/time/time.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import classes from './overview.module.css';

/** Lists problems that need attention, the most urgent first, or one quiet line without any. */
export function Attention() {
  const { isOperator, mayApprove, mayRead, isBound } = useRights();
  const alerts = useQuery({ ...openAlertsQuery, enabled: isOperator });
  const approvals = useQuery({ ...pendingApprovalsQuery, enabled: mayApprove });
  const queues = useQuery({ ...queuesQuery, enabled: isOperator || (mayRead && !isBound) });
  const workers = useQuery({ ...workersQuery, enabled: isOperator });

  const entries: ReactNode[] = [];
  if (workers.data?.length === 0) {
    entries.push(
      <Entry key="workers" tone="red" icon={<RocketIcon />}>
        <Link to="/queues">No worker is running.</Link> Runs wait. Start a worker with longhaul worker.
      </Entry>,
    );
  }
  for (const { id, title, severity, openedAt, acknowledgedAt } of alerts.data?.data.slice(0, 4) ?? []) {
    if (acknowledgedAt !== null) continue;
    entries.push(
      <Entry key={id} tone={severity === 'critical' ? 'red' : 'amber'} icon={<BellIcon />} at={openedAt}>
        <Link to="/alerts">{toVisible(title)}</Link>
      </Entry>,
    );
  }
  const pending = approvals.data?.data ?? [];
  if (pending.length > 0) {
    entries.push(
      <Entry key="approvals" tone="amber" icon={<PersonIcon />} at={pending.at(-1)!.requestedAt}>
        <Link to="/approvals">
          {pending.length === 1
            ? '1 run waits'
            : `${pending.length}${approvals.data?.nextCursor === null ? '' : '+'} runs wait`}{' '}
          for a decision
        </Link>
      </Entry>,
    );
  }
  for (const { name, pausedAt } of queues.data ?? []) {
    if (pausedAt === null) continue;
    entries.push(
      <Entry key={`queue ${name}`} tone="amber" icon={<PauseIcon />} at={pausedAt}>
        <Link to="/queues">Queue {name} is paused</Link>
      </Entry>,
    );
  }
  const isKnown = [alerts, approvals, queues, workers].every(({ isLoading }) => !isLoading);
  if (entries.length === 0) {
    return isKnown ? (
      <p className={classes['calm']}>
        <CheckCircledIcon /> Nothing needs your attention.
      </p>
    ) : null;
  }
  return (
    <ul className={classes['attention']} aria-label="Needs attention">
      {entries}
    </ul>
  );
}

interface EntryProps {
  readonly tone: 'red' | 'amber';
  readonly icon: ReactNode;
  readonly at?: string;
  readonly children: ReactNode;
}

function Entry({ tone, icon, at, children }: EntryProps) {
  return (
    <li data-tone={tone}>
      {icon}
      <span>{children}</span>
      {at !== undefined && <Time at={at} />}
    </li>
  );
}
