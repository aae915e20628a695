import { Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { ChatBubbleIcon } from '@radix-ui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { SessionSummaryResource } from 'longhaul/client';
import { useState } from 'react';
import { agentsQuery } from '../../data/agents.ts';
import { client } from '../../data/client.ts';
import { useSignedIn } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { shortId } from '../../ui/format/format.ts';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { Time } from '../../ui/time/time.tsx';

const COLUMNS: SimpleColumn<SessionSummaryResource>[] = [
  {
    title: 'Session',
    cell: ({ id }) => (
      <Link to="/sessions/$sessionId" params={{ sessionId: id }}>
        <span className="mono">{shortId(id)}</span>
      </Link>
    ),
  },
  { title: 'Agent', cell: ({ agent }) => agent },
  { title: 'User', cell: ({ user }) => (user === null ? '–' : <bdi>{user}</bdi>) },
  { title: 'Team', isMinor: true, cell: ({ team }) => (team === null ? '–' : <bdi>{team}</bdi>) },
  {
    title: 'Branch of',
    isMinor: true,
    cell: ({ forkedFrom }) =>
      forkedFrom === null ? (
        '–'
      ) : (
        <Link to="/sessions/$sessionId" params={{ sessionId: forkedFrom }}>
          <span className="mono">{shortId(forkedFrom)}</span>
        </Link>
      ),
  },
  { title: 'Started', align: 'right', isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  { title: 'Last activity', align: 'right', cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];

/** Lists the sessions. */
export function SessionsPage() {
  const search = useSearch({ from: '/sessions' });
  const navigate = useNavigate({ from: '/sessions' });
  const { user: boundUser } = useSignedIn();
  const agents = useQuery(agentsQuery);
  const [typed, setTyped] = useState(search.user ?? '');
  const set = (key: 'agent' | 'user', value: string | null) =>
    void navigate({ search: (current) => ({ ...current, [key]: value || undefined }), replace: true });
  const apply = useDebouncedCallback((value: string) => set('user', value.trim()), 300);
  const list = useMore(['session', 'list', search.agent ?? '', search.user ?? ''], (cursor) =>
    client.sessions({ agent: search.agent, user: search.user, cursor, limit: 50 }),
  );
  return (
    <Page
      title="Sessions"
      actions={
        <>
          <Select
            aria-label="Agent"
            w={150}
            placeholder="All agents"
            clearable
            data={agents.data?.map(({ name }) => name) ?? []}
            value={search.agent ?? null}
            onChange={(agent) => set('agent', agent)}
          />
          {boundUser === null && (
            <TextInput
              aria-label="User"
              w={150}
              placeholder="All users"
              value={typed}
              onChange={(event) => {
                setTyped(event.currentTarget.value);
                apply(event.currentTarget.value);
              }}
            />
          )}
        </>
      }
    >
      {list.rows === undefined ? (
        list.error === null ? (
          <PageLoading />
        ) : (
          <Failed error={list.error} onRetry={list.retry} />
        )
      ) : list.rows.length === 0 ? (
        <State
          icon={<ChatBubbleIcon />}
          title={search.agent === undefined && search.user === undefined ? 'No sessions yet' : 'No session matches'}
        >
          Each run belongs to a session. A run that continues a session has its history.
        </State>
      ) : (
        <Card title="Sessions" hint="newest first" isFlush>
          <SimpleTable label="Sessions" columns={COLUMNS} rows={list.rows} toId={({ id }) => id} />
          <MoreButton list={list} />
        </Card>
      )}
    </Page>
  );
}
