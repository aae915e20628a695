import { Button, Select } from '@mantine/core';
import { TokensIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { BudgetResource } from 'longhaul/client';
import { useMemo, useState } from 'react';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { Meter } from '../../ui/figures/meter.tsx';
import { Usd } from '../../ui/figures/usd.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import { Time } from '../../ui/time/time.tsx';
import { BudgetDialog, type BudgetOwner } from './budget-dialog.tsx';
import { BudgetHistory } from './budget-history.tsx';
import { groupBudgets, toOwnerName, type BudgetGroup } from './group-budgets.ts';
import classes from './budgets.module.css';

const SCOPES = [
  { value: '', label: 'All budgets' },
  { value: 'global', label: 'Everything' },
  { value: 'team', label: 'Teams' },
  { value: 'user', label: 'Users' },
];

/** Shows the use of each budget, and the changes by operators. */
export function BudgetsPage() {
  const { isOperator, isBound, mayRead } = useRights();
  const search = useSearch({ from: '/budgets' });
  const navigate = useNavigate({ from: '/budgets' });
  const [editing, setEditing] = useState<BudgetOwner | 'new' | null>(null);
  const scope = SCOPES.some(({ value }) => value === search.scope) ? search.scope! : '';
  const isAllowed = isOperator || (isBound && mayRead);
  const { data, error, refetch } = useQuery({
    queryKey: ['budgets', 'list', scope],
    queryFn: () => client.budgets({ scope: scope === '' ? undefined : (scope as BudgetResource['scope']), limit: 200 }),
    enabled: isAllowed,
    refetchInterval: 30_000,
  });
  const groups = useMemo(() => groupBudgets(data ?? []), [data]);
  if (!isAllowed) {
    return (
      <Page title="Budgets">
        <NoPermission />
      </Page>
    );
  }
  return (
    <Page
      title="Budgets"
      actions={
        <>
          <Select
            aria-label="Which budgets"
            w={130}
            allowDeselect={false}
            data={SCOPES}
            value={scope}
            onChange={(next) => void navigate({ search: { ...search, scope: next || undefined }, replace: true })}
          />
          {isOperator && <Button onClick={() => setEditing('new')}>Set a budget…</Button>}
        </>
      }
    >
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )
      ) : groups.length === 0 ? (
        <State icon={<TokensIcon />} title="No budget is in use">
          A budget appears after money is spent or reserved in it. Set limits.perUser.usdPerDay and others in the
          configuration, or set a budget here.
        </State>
      ) : (
        <div className={classes['page']}>
          <ul className={classes['grid']}>
            {groups.map((group) => (
              <BudgetEntry key={group.id} group={group} onEdit={isOperator ? () => setEditing(group) : null} />
            ))}
          </ul>
          {isOperator && (
            <Card title="Changes by operators" isFlush>
              <BudgetHistory />
            </Card>
          )}
        </div>
      )}
      {editing !== null && <BudgetDialog owner={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
    </Page>
  );
}

interface BudgetEntryProps {
  readonly group: BudgetGroup;
  /** Null when the user may not change budgets. */
  readonly onEdit: (() => void) | null;
}

/** The budgets of an owner, with their use. */
function BudgetEntry({ group, onEdit }: BudgetEntryProps) {
  return (
    <li className={classes['budget']}>
      <header>
        <h2>
          <bdi>{toOwnerName(group)}</bdi>
        </h2>
        <span className={classes['scope']}>{group.scope === 'global' ? '' : group.scope}</span>
        {group.budgets.some(({ isChanged }) => isChanged) && <Tag tone="accent">changed</Tag>}
        {onEdit !== null && (
          <Button size="compact-xs" variant="default" onClick={onEdit}>
            Change…
          </Button>
        )}
      </header>
      {group.budgets.map((budget) => (
        <div key={budget.period}>
          <Meter
            label={budget.period === 'day' ? 'Today' : 'This month'}
            used={budget.spentUsd}
            reserved={budget.reservedUsd}
            limit={budget.limitUsd}
            show={(usd) => <Usd usd={usd} />}
          />
          <p className={classes['quiet']}>
            {budget.reservedUsd > 0 && (
              <>
                <Usd usd={budget.reservedUsd} /> set aside ·{' '}
              </>
            )}
            renewed <Time at={budget.resetsAt} />
          </p>
        </div>
      ))}
    </li>
  );
}
