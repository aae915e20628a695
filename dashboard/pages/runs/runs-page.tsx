import { Button, Menu } from '@mantine/core';
import { readLocalStorageValue, useLocalStorage } from '@mantine/hooks';
import { ActivityLogIcon, DotsHorizontalIcon, DownloadIcon, RocketIcon } from '@radix-ui/react-icons';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { useMemo, useState } from 'react';
import { API_PATH } from '../../app/environment.ts';
import { useRights } from '../../data/signed-in.ts';
import { formatCount } from '../../ui/format/format.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { DataTable } from '../../ui/table/data-table.tsx';
import { BulkDialog, type BulkRequest } from './bulk-dialog.tsx';
import { ColumnsMenu } from './columns-menu.tsx';
import { FilterBar } from './filter-bar.tsx';
import { CompactRun, HIDDEN_AT_FIRST, RUN_COLUMNS } from './run-columns.tsx';
import { toRunChoice, type RunSearch } from './run-search.ts';
import { useRunList } from './use-run-list.ts';
import { ViewsMenu } from './views-menu.tsx';
import classes from './runs-page.module.css';

const HIDDEN_KEY = 'longhaul-run-columns-hidden';
const FIXED = ['status', 'prompt'];
const NONE: ReadonlySet<string> = new Set();

/** Lists, searches and follows runs, and changes many at once. */
export function RunsPage() {
  const search: RunSearch = useSearch({ from: '/runs' });
  const navigate = useNavigate({ from: '/runs' });
  const { mayWrite } = useRights();
  const [isAtTop, setIsAtTop] = useState(true);
  const [selected, setSelected] = useState<ReadonlySet<string>>(NONE);
  const [bulk, setBulk] = useState<BulkRequest | null>(null);
  const [hidden, setHidden] = useLocalStorage<readonly string[]>({
    key: HIDDEN_KEY,
    defaultValue: readLocalStorageValue<readonly string[]>({ key: HIDDEN_KEY, defaultValue: HIDDEN_AT_FIRST }),
  });
  const list = useRunList({ search, isFollowing: isAtTop && selected.size === 0 });
  const hiddenSet = useMemo(() => new Set(hidden), [hidden]);
  const isNarrowed = Object.keys(search).length > 0;

  const change = (next: RunSearch) => {
    setSelected(NONE);
    void navigate({ search: next, replace: true });
  };

  return (
    <Page
      title="Runs"
      isFull
      actions={
        <>
          <MatchingMenu search={search} mayWrite={mayWrite} onBulk={setBulk} />
          {mayWrite && (
            <Button component={Link} to="/try" leftSection={<RocketIcon />}>
              New run
            </Button>
          )}
        </>
      }
      toolbar={
        <FilterBar search={search} onChange={change}>
          <ViewsMenu search={search} onChoose={change} />
          <ColumnsMenu columns={RUN_COLUMNS} fixed={FIXED} hidden={hidden} onChange={setHidden} />
        </FilterBar>
      }
    >
      {list.newCount > 0 && (
        <div className={classes['new']}>
          <Button size="compact-xs" radius="xl" onClick={list.showNew}>
            {formatCount(list.newCount)} new
          </Button>
        </div>
      )}
      {list.isLoading ? (
        <PageLoading />
      ) : list.error !== null ? (
        <Failed error={list.error} onRetry={list.retry} />
      ) : list.runs.length === 0 ? (
        <NoRuns isNarrowed={isNarrowed} mayWrite={mayWrite} onClear={() => change({})} />
      ) : (
        <DataTable<RunResource>
          label="Runs, newest first"
          columns={RUN_COLUMNS}
          hidden={hiddenSet}
          rows={list.runs}
          toId={({ id }) => id}
          compact={(run) => <CompactRun run={run} />}
          {...(mayWrite && { selected, onSelect: setSelected })}
          hasMore={list.hasMore}
          isLoadingMore={list.isLoadingMore}
          onMore={list.loadMore}
          onTop={setIsAtTop}
        />
      )}
      {selected.size > 0 && <SelectionBar selected={selected} onBulk={setBulk} onClear={() => setSelected(NONE)} />}
      {bulk !== null && (
        <BulkDialog
          request={bulk}
          onClose={(isDone) => {
            setBulk(null);
            if (isDone) setSelected(NONE);
          }}
        />
      )}
    </Page>
  );
}

interface MatchingMenuProps {
  readonly search: RunSearch;
  readonly mayWrite: boolean;
  readonly onBulk: (request: BulkRequest) => void;
}

/** Exports, retries or cancels all runs that match, not only the loaded ones. */
function MatchingMenu({ search, mayWrite, onBulk }: MatchingMenuProps) {
  const exportUrl = (format: 'csv' | 'jsonl') => `${API_PATH}/v1/runs/export?${toExportQuery(search, format)}`;
  const change = (action: BulkRequest['action']) => onBulk({ action, runs: toRunChoice(search, Date.now()) });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<DotsHorizontalIcon />}>
          All that match
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<DownloadIcon />} component="a" href={exportUrl('csv')} download>
          Export as CSV
        </Menu.Item>
        <Menu.Item leftSection={<DownloadIcon />} component="a" href={exportUrl('jsonl')} download>
          Export as JSON lines
        </Menu.Item>
        {mayWrite && (
          <>
            <Menu.Divider />
            <Menu.Item onClick={() => change('retry')}>Retry all that failed…</Menu.Item>
            <Menu.Item color="red" onClick={() => change('cancel')}>
              Cancel all unfinished…
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

interface SelectionBarProps {
  readonly selected: ReadonlySet<string>;
  readonly onBulk: (request: BulkRequest) => void;
  readonly onClear: () => void;
}

function SelectionBar({ selected, onBulk, onClear }: SelectionBarProps) {
  return (
    <div className={classes['selection']} role="toolbar" aria-label="Actions for the selected runs">
      <span className="numeric">{formatCount(selected.size)} selected</span>
      <Button variant="default" onClick={() => onBulk({ action: 'retry', runs: [...selected] })}>
        Retry…
      </Button>
      <Button variant="default" onClick={() => onBulk({ action: 'cancel', runs: [...selected] })}>
        Cancel…
      </Button>
      <Button variant="subtle" color="gray" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}

interface NoRunsProps {
  readonly isNarrowed: boolean;
  readonly mayWrite: boolean;
  readonly onClear: () => void;
}

function NoRuns({ isNarrowed, mayWrite, onClear }: NoRunsProps) {
  if (isNarrowed) {
    return (
      <State
        icon={<ActivityLogIcon />}
        title="No run matches"
        actions={
          <Button variant="default" onClick={onClear}>
            Clear filters
          </Button>
        }
      >
        Words are found in prompts and results, by their beginnings. Finished runs are kept for as long as retentionDays
        says.
      </State>
    );
  }
  return (
    <State
      icon={<ActivityLogIcon />}
      title="No runs yet"
      actions={
        mayWrite && (
          <Button component={Link} to="/try">
            Start the first one
          </Button>
        )
      }
    >
      Runs appear here as soon as they are submitted: from here, from your application, or with longhaul run.
    </State>
  );
}

function toExportQuery(search: RunSearch, format: 'csv' | 'jsonl'): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(toRunChoice(search, Date.now()))) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value])
      query.append(name, String(one));
  }
  query.set('format', format);
  return query.toString();
}
