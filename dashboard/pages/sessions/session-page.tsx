import { ActionIcon, Button } from '@mantine/core';
import { ArrowLeftIcon, MagnifyingGlassIcon, Share1Icon } from '@radix-ui/react-icons';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { LonghaulNotFoundError, type SessionResource } from 'longhaul/client';
import { useEffect, useMemo } from 'react';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { Usd } from '../../ui/figures/usd.tsx';
import { shortId } from '../../ui/format/format.ts';
import { VirtualList } from '../../ui/list/virtual-list.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { RunStatus } from '../../ui/status/run-status.tsx';
import { Time } from '../../ui/time/time.tsx';
import { Composer } from '../run/composer.tsx';
import { Branches } from './branches.tsx';
import { SessionEntry } from './session-entry.tsx';
import { toThread } from './to-thread.ts';
import classes from './sessions.module.css';

/** Shows a session as one thread over all its runs. */
export function SessionPage() {
  const { sessionId } = useParams({ from: '/sessions/$sessionId' });
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['session', sessionId],
    queryFn: ({ pageParam }) => client.session(sessionId, { after: pageParam ?? undefined, limit: 200 }),
    initialPageParam: null as number | null,
    getNextPageParam: ({ messages }) => messages.nextCursor,
  });
  // Loads the thread to its end, because the latest messages matter most.
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const title = `Session ${shortId(sessionId)}`;
  if (data === undefined) {
    return (
      <Page title={title} lead={<Back />}>
        {error === null ? (
          <PageLoading />
        ) : error instanceof LonghaulNotFoundError ? (
          <State icon={<MagnifyingGlassIcon />} title="This session does not exist">
            It was deleted after its retention, or your key may not see it.
          </State>
        ) : (
          <Failed error={error} onRetry={() => void refetch()} />
        )}
      </Page>
    );
  }
  return <OneSession title={title} session={data.pages[0]!} pages={data.pages} />;
}

interface OneSessionProps {
  readonly title: string;
  readonly session: SessionResource;
  readonly pages: readonly SessionResource[];
}

function OneSession({ title, session, pages }: OneSessionProps) {
  const { mayWrite } = useRights();
  const navigate = useNavigate();
  const thread = useMemo(() => toThread(pages.flatMap(({ messages }) => messages.data)), [pages]);
  const runs = session.runs.data;
  const byId = useMemo(() => new Map(runs.map((run) => [run.id, run])), [runs]);
  return (
    <Page
      title={title}
      lead={<Back />}
      beside={<span className={classes['quiet']}>{session.agent}</span>}
      isFull
      actions={
        mayWrite && (
          <Button
            variant="default"
            leftSection={<Share1Icon />}
            onClick={() => void navigate({ to: '/try', search: { session: session.id } })}
          >
            Branch off
          </Button>
        )
      }
    >
      <div className={classes['columns']}>
        <div className={classes['main']}>
          {thread.length === 0 ? (
            <State icon={<MagnifyingGlassIcon />} title="No messages yet">
              Messages appear here after the first answer. The page of the run shows them live.
            </State>
          ) : (
            <VirtualList
              label="Conversation"
              count={thread.length}
              toKey={(index) => thread[index]!.key}
              estimateHeight={60}
              render={(index) => <SessionEntry entry={thread[index]!} run={byId.get(thread[index]!.runId)} />}
            />
          )}
          {mayWrite && runs[0] !== undefined && <Composer run={runs[0]} />}
        </div>
        <aside className={classes['side']} aria-label="Runs" tabIndex={0}>
          <h2>Runs</h2>
          <ul>
            {runs.map((run) => (
              <li key={run.id}>
                <Link to="/runs/$runId" params={{ runId: run.id }}>
                  <RunStatus run={run} />
                </Link>
                <span className={classes['quiet']}>
                  <Time at={run.createdAt} />
                </span>
                <Usd usd={run.costUsd} />
              </li>
            ))}
          </ul>
          <Branches session={session} />
        </aside>
      </div>
    </Page>
  );
}

function Back() {
  return (
    <ActionIcon component={Link} to="/sessions" aria-label="All sessions">
      <ArrowLeftIcon />
    </ActionIcon>
  );
}
