import { ActionIcon, Tabs } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { ArrowLeftIcon, MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { useEffect } from 'react';
import { useLookInterval } from '../../data/live.ts';
import { runQuery } from '../../data/runs.ts';
import { useRights } from '../../data/signed-in.ts';
import { firstLine, shortId } from '../../ui/format/format.ts';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { RunStatusTag } from '../../ui/status/run-status.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Composer } from './composer.tsx';
import { Conversation } from './conversation/conversation.tsx';
import { Details } from './details/details.tsx';
import { useRunLog } from './log/use-run-log.ts';
import { RawEvents } from './raw-events.tsx';
import { RunActions } from './run-actions.tsx';
import { Timeline } from './timeline/timeline.tsx';
import classes from './run-page.module.css';

/** Shows a run: the live conversation, timeline, costs and actions. */
export function RunPage() {
  const { runId } = useParams({ from: '/runs/$runId' });
  const interval = useLookInterval();
  const { data, error, refetch } = useQuery({
    ...runQuery(runId),
    refetchInterval: ({ state }) => (state.data?.finishedAt === null ? interval : false),
  });
  if (data === undefined) {
    return (
      <Page title={`Run ${shortId(runId)}`} lead={<Back />}>
        {error === null ? <PageLoading /> : <Failed error={error} onRetry={() => void refetch()} />}
      </Page>
    );
  }
  if (data === null) {
    return (
      <Page title={`Run ${shortId(runId)}`} lead={<Back />}>
        <State icon={<MagnifyingGlassIcon />} title="There is no such run">
          It was deleted after its retention, or your key may not see it.
        </State>
      </Page>
    );
  }
  // Each run starts with its own log and scroll position.
  return <OneRun key={data.id} run={data} />;
}

const TABS = ['conversation', 'timeline', 'events', 'details'] as const;

function OneRun({ run }: { run: RunResource }) {
  const search = useSearch({ from: '/runs/$runId' });
  const navigate = useNavigate({ from: '/runs/$runId' });
  const queries = useQueryClient();
  const { mayWrite } = useRights();
  const isWide = useMediaQuery('(min-width: 75em)', true, { getInitialValueInEffect: false });
  const state = useRunLog(run.id);
  const { isOver } = state.log;

  // The log reports the end before the stream of changes does.
  useEffect(() => {
    if (isOver && run.finishedAt === null) void queries.invalidateQueries({ queryKey: ['run', run.id] });
  }, [isOver, run.finishedAt, run.id, queries]);

  const asked = TABS.find((tab) => tab === search.tab) ?? 'conversation';
  const tab = isWide && asked === 'details' ? 'conversation' : asked;
  const title = toVisible(firstLine(run.prompt)) || `Run ${shortId(run.id)}`;
  return (
    <Page title={title} lead={<Back />} beside={<RunStatusTag run={run} />} actions={<RunActions run={run} />} isFull>
      <div className={classes['columns']}>
        <Tabs
          className={classes['main']}
          value={tab}
          onChange={(next) => void navigate({ search: next === 'conversation' ? {} : { tab: next! }, replace: true })}
          keepMounted={false}
        >
          <Tabs.List className={classes['tabs']}>
            <Tabs.Tab value="conversation">Conversation</Tabs.Tab>
            <Tabs.Tab value="timeline">Timeline</Tabs.Tab>
            <Tabs.Tab value="events">Events</Tabs.Tab>
            {!isWide && <Tabs.Tab value="details">Details</Tabs.Tab>}
            {!state.isLive && !isOver && state.isRead && (
              <span className={classes['interrupted']} role="status">
                Reconnecting…
              </span>
            )}
          </Tabs.List>
          <Tabs.Panel value="conversation" className={classes['panel']}>
            <Conversation run={run} state={state} event={toEvent(search.event)} />
            {mayWrite && <Composer run={run} />}
          </Tabs.Panel>
          <Tabs.Panel value="timeline" className={classes['panel']}>
            <Timeline runId={run.id} state={state} />
          </Tabs.Panel>
          <Tabs.Panel value="events" className={classes['panel']}>
            <RawEvents state={state} />
          </Tabs.Panel>
          {!isWide && (
            <Tabs.Panel value="details" className={classes['panel']} data-scroll>
              <Details run={run} hosts={state.log.hosts} />
            </Tabs.Panel>
          )}
        </Tabs>
        {isWide && (
          <aside className={classes['side']} aria-label="Details" tabIndex={0}>
            <Details run={run} hosts={state.log.hosts} />
          </aside>
        )}
      </div>
    </Page>
  );
}

function Back() {
  return (
    <ActionIcon component={Link} to="/runs" aria-label="All runs">
      <ArrowLeftIcon />
    </ActionIcon>
  );
}

function toEvent(text: string | undefined): number | null {
  const seq = Number(text ?? Number.NaN);
  return Number.isSafeInteger(seq) && seq > 0 ? seq : null;
}
