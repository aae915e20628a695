import { Button } from '@mantine/core';
import { ArrowDownIcon } from '@radix-ui/react-icons';
import type { RunResource } from 'longhaul/client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { VirtualList, type VirtualListHandle } from '../../../ui/list/virtual-list.tsx';
import { Failed } from '../../../ui/states/failed.tsx';
import { PageLoading } from '../../../ui/states/page-loading.tsx';
import { LongText } from '../../../ui/text/long-text.tsx';
import { toRows, type LogItem } from '../log/run-log.ts';
import type { LogState } from '../log/use-run-log.ts';
import { Attachments } from './attachments.tsx';
import { Entry } from './entry.tsx';
import { Outcome } from './outcome.tsx';
import classes from './conversation.module.css';

interface ConversationProps {
  readonly run: RunResource;
  readonly state: LogState;
  /** The event to show first, by its `seq`. */
  readonly event: number | null;
}

/** Shows the conversation of a run, live. */
export function Conversation({ run, state: { log, isRead, error, version }, event }: ConversationProps) {
  const list = useRef<VirtualListHandle>(null);
  const [toggled, setToggled] = useState<ReadonlySet<string>>(() => new Set());
  const [isAtEnd, setIsAtEnd] = useState(true);
  // A finished run is read from its beginning.
  const [isFollowing] = useState(run.finishedAt === null && event === null);
  const toggle = useCallback(
    (key: string) =>
      setToggled((current) => {
        const next = new Set(current);
        if (!next.delete(key)) next.add(key);
        return next;
      }),
    [],
  );

  const { structure } = log;
  const rows = useMemo(
    () => toRows(log.items, () => false).filter(({ item }) => isShown(item)),
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the items change in place, and `structure` with them
    [log, structure],
  );
  const isOver = log.isOver || run.finishedAt !== null;
  const count = rows.length + 2;

  const hasJumped = useRef(false);
  useEffect(() => {
    if (event === null || !isRead || hasJumped.current) return;
    hasJumped.current = true;
    const index = rows.findLastIndex(({ item }) => item.seq <= event);
    if (index >= 0) list.current?.scrollTo(index + 1);
  }, [event, isRead, rows]);

  if (error !== null && rows.length === 0) return <Failed error={error} />;
  if (!isRead && rows.length === 0) return <PageLoading />;
  return (
    <div className={classes['conversation']} data-version={version}>
      <VirtualList
        handle={list}
        label="Conversation"
        count={count}
        toKey={(index) => (index === 0 ? 'prompt' : (rows[index - 1]?.item.key ?? 'outcome'))}
        estimateHeight={44}
        isFollowing={isFollowing}
        onEnd={setIsAtEnd}
        render={(index) => {
          if (index === 0) return <Prompt run={run} />;
          const row = rows[index - 1];
          if (row === undefined)
            return <Outcome run={run} isOver={isOver} isRead={isRead} isLast={rows.at(-1)?.item} />;
          const { item, depth } = row;
          return (
            <Entry
              item={item}
              version={item.version}
              depth={depth}
              isOpen={toggled.has(item.key)}
              onToggle={toggle}
              isOver={isOver}
            />
          );
        }}
      />
      {isFollowing && !isAtEnd && (
        <Button
          className={classes['toEnd']}
          size="compact-xs"
          radius="xl"
          leftSection={<ArrowDownIcon />}
          onClick={() => list.current?.scrollToEnd()}
        >
          To the end
        </Button>
      )}
    </div>
  );
}

function Prompt({ run: { prompt, attachments } }: { readonly run: RunResource }) {
  return (
    <div className={classes['entry']} data-kind="prompt">
      <div className={classes['said']}>
        <span className={classes['who']}>Prompt</span>
        <LongText text={prompt} first={2_000} isPlain />
        <Attachments files={attachments} />
      </div>
    </div>
  );
}

/** Returns whether to show an item. The end of the run is shown below the conversation. */
function isShown(item: LogItem): boolean {
  if (item.kind !== 'mark') return true;
  const { type, data } = item.event;
  return type !== 'run.succeeded' && type !== 'run.failed' && !(type === 'run.queued' && data.reason === 'submitted');
}
