import { Button } from '@mantine/core';
import { ClockIcon } from '@radix-ui/react-icons';
import { useState } from 'react';
import type { ScheduleResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { ScheduleDialog } from './schedule-dialog.tsx';
import { ScheduleEntry } from './schedule-entry.tsx';
import entries from '../../ui/list/entries.module.css';

/** Lists the schedules: the next time and the last run of each, and the actions. */
export function SchedulesPage() {
  const { mayWrite } = useRights();
  const [editing, setEditing] = useState<ScheduleResource | 'new' | null>(null);
  const list = useMore(['schedules'], (cursor) => client.schedules({ limit: 50, cursor }));
  const create = mayWrite && <Button onClick={() => setEditing('new')}>New schedule…</Button>;
  return (
    <Page title="Schedules" actions={list.rows !== undefined && list.rows.length > 0 && create}>
      {list.rows === undefined ? (
        list.error === null ? (
          <PageLoading />
        ) : (
          <Failed error={list.error} onRetry={list.retry} />
        )
      ) : list.rows.length === 0 ? (
        <State icon={<ClockIcon />} title="No schedules yet" actions={create}>
          A schedule submits runs at fixed times in a time zone.
        </State>
      ) : (
        <>
          <ul className={entries['list']}>
            {list.rows.map((schedule) => (
              <li key={schedule.id}>
                <ScheduleEntry schedule={schedule} onEdit={() => setEditing(schedule)} />
              </li>
            ))}
          </ul>
          <MoreButton list={list} />
        </>
      )}
      {editing !== null && (
        <ScheduleDialog schedule={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />
      )}
    </Page>
  );
}
