import { SegmentedControl } from '@mantine/core';
import { CheckCircledIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ApprovalResource } from 'longhaul/client';
import { useRef } from 'react';
import { pendingApprovalsQuery } from '../../data/approvals.ts';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { Page } from '../../ui/page/page.tsx';
import { useShortcuts } from '../../ui/shortcuts/use-shortcuts.ts';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { ApprovalCard } from './approval-card.tsx';
import classes from './approvals.module.css';

/** The inbox: pending and decided approvals. */
export function ApprovalsPage() {
  const { mayApprove } = useRights();
  const search = useSearch({ from: '/approvals' });
  const navigate = useNavigate({ from: '/approvals' });
  const isPast = search.status === 'decided';
  if (!mayApprove) {
    return (
      <Page title="Approvals">
        <NoPermission detail="Sign in with a key that has the scope approvals." />
      </Page>
    );
  }
  return (
    <Page
      title="Approvals"
      actions={
        <SegmentedControl
          aria-label="Which approvals"
          data={[
            { value: 'pending', label: 'Waiting' },
            { value: 'decided', label: 'All' },
          ]}
          value={isPast ? 'decided' : 'pending'}
          onChange={(status) => void navigate({ search: status === 'decided' ? { status } : {}, replace: true })}
        />
      }
    >
      {isPast ? <All /> : <Pending />}
    </Page>
  );
}

function Pending() {
  const { data, error, refetch } = useQuery(pendingApprovalsQuery);
  if (data === undefined)
    return error === null ? <PageLoading /> : <Failed error={error} onRetry={() => void refetch()} />;
  if (data.data.length === 0) {
    return (
      <State icon={<CheckCircledIcon />} title="Nothing waits for you">
        A run appears here when its agent wants to use a tool that the configuration lists under ask, or asks a
        question.
      </State>
    );
  }
  return (
    <>
      {/* The longest wait comes first. */}
      <Cards approvals={[...data.data].reverse()} />
      {data.nextCursor !== null && <p className={classes['more']}>More approvals appear when these are decided.</p>}
    </>
  );
}

function All() {
  const list = useMore(['approvals', 'all'], (cursor) => client.approvals({ limit: 50, cursor }));
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} />;
  }
  if (list.rows.length === 0) {
    return (
      <State icon={<CheckCircledIcon />} title="No approvals yet">
        List a tool under ask in the configuration of an agent; its uses then wait here.
      </State>
    );
  }
  return (
    <>
      <Cards approvals={list.rows} />
      <MoreButton list={list} />
    </>
  );
}

function Cards({ approvals }: { approvals: readonly ApprovalResource[] }) {
  const list = useRef<HTMLUListElement>(null);
  const cards = () => [...(list.current?.querySelectorAll<HTMLElement>(':scope > li') ?? [])];
  const current = () => cards().find((card) => card.contains(document.activeElement));
  const move = (by: number) => {
    const all = cards();
    const index = all.indexOf(current()!);
    const next = all[Math.min(all.length - 1, Math.max(0, index + by))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  const press = (decision: string) => {
    (current() ?? cards()[0])?.querySelector<HTMLElement>(`[data-decision=${decision}]`)?.click();
  };
  useShortcuts({ j: () => move(1), k: () => move(-1), y: () => press('allow'), n: () => press('deny') });
  return (
    <ul ref={list} className={classes['list']}>
      {approvals.map((approval) => (
        <li key={approval.id} tabIndex={-1}>
          <ApprovalCard approval={approval} />
        </li>
      ))}
    </ul>
  );
}
