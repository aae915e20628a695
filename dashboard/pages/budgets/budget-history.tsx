import { ReaderIcon } from '@radix-ui/react-icons';
import { client } from '../../data/client.ts';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { SimpleTable } from '../../ui/table/simple-table.tsx';
import { Time } from '../../ui/time/time.tsx';

/** Lists changes of budgets, from the audit record. */
export function BudgetHistory() {
  const list = useMore<Awaited<ReturnType<typeof client.audit>>['data'][number], number>(
    ['audit', 'budgets'],
    (cursor) => client.audit({ action: 'budget.changed', limit: 10, cursor }),
  );
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} isCompact />;
  }
  if (list.rows.length === 0) {
    return <State icon={<ReaderIcon />} title="No budget was changed: all come from the configuration" isCompact />;
  }
  return (
    <>
      <SimpleTable
        label="Changes of budgets"
        toId={({ id }) => String(id)}
        rows={list.rows}
        columns={[
          { title: 'Budget', cell: ({ subject }) => <bdi>{toVisible(subject)}</bdi> },
          {
            title: 'Change',
            cell: ({ data }) => <span className="mono">{toVisible(JSON.stringify(data)).slice(0, 200)}</span>,
          },
          { title: 'By', isMinor: true, cell: ({ actor }) => <bdi>{toVisible(actor)}</bdi> },
          { title: 'When', align: 'right', cell: ({ at }) => <Time at={at} /> },
        ]}
      />
      <MoreButton list={list} />
    </>
  );
}
