import { TextInput, UnstyledButton } from '@mantine/core';
import { ChevronDownIcon, ChevronRightIcon, ListBulletIcon } from '@radix-ui/react-icons';
import type { LonghaulEvent } from 'longhaul/client';
import { useDeferredValue, useMemo, useState } from 'react';
import { toJsonText } from '../../ui/code/json-view.tsx';
import { CopyButton } from '../../ui/copy/copy-button.tsx';
import { formatCount, formatInstant } from '../../ui/format/format.ts';
import { VirtualList } from '../../ui/list/virtual-list.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { LongText } from '../../ui/text/long-text.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import type { LogState } from './log/use-run-log.ts';
import classes from './raw-events.module.css';

/** Shows all events of a run as in the API, except pieces of text that a complete text replaces. */
export function RawEvents({ state: { log, isRead } }: { readonly state: LogState }) {
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState<ReadonlySet<number>>(() => new Set());
  const length = log.events.length;
  // Typing stays quick while thousands of events are searched.
  const wanted = useDeferredValue(typed).trim().toLowerCase();
  const events = useMemo(
    () => (wanted === '' ? log.events : log.events.filter((event) => matches(event, wanted))),
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the events are added to in place
    [log, length, wanted],
  );
  if (!isRead && length === 0) return <PageLoading />;
  const toggle = (seq: number) => {
    const next = new Set(open);
    if (!next.delete(seq)) next.add(seq);
    setOpen(next);
  };
  return (
    <div className={classes['events']}>
      <div className={classes['bar']}>
        <TextInput
          aria-label="Find events"
          placeholder="Type, or a text in the data"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <span className="numeric">
          {formatCount(events.length)} of {formatCount(length)} events
        </span>
        <CopyButton text={() => events.map((event) => JSON.stringify(event)).join('\n')} what="them as JSON lines" />
      </div>
      {events.length === 0 ? (
        <State icon={<ListBulletIcon />} title={length === 0 ? 'No events yet' : 'No event matches'} />
      ) : (
        <VirtualList
          label="Events"
          count={events.length}
          toKey={(index) => String(events[index]!.seq)}
          estimateHeight={30}
          render={(index) => (
            <EventRow event={events[index]!} isOpen={open.has(events[index]!.seq)} onToggle={toggle} />
          )}
        />
      )}
    </div>
  );
}

interface EventRowProps {
  readonly event: LonghaulEvent;
  readonly isOpen: boolean;
  readonly onToggle: (seq: number) => void;
}

function EventRow({ event, isOpen, onToggle }: EventRowProps) {
  const { seq, type, at, attempt, data } = event;
  return (
    <div>
      <UnstyledButton className={classes['row']} aria-expanded={isOpen} onClick={() => onToggle(seq)}>
        {isOpen ? <ChevronDownIcon /> : <ChevronRightIcon />}
        <span className={`${classes['seq']} numeric`}>{seq}</span>
        <time dateTime={at} title={formatInstant(Date.parse(at))} className="numeric">
          {at.slice(11, 23)}
        </time>
        <span className={classes['type']}>{type}</span>
        <bdi className={classes['data']}>{toVisible(toPreview(data))}</bdi>
        <span className={classes['attempt']}>{attempt > 1 ? `attempt ${attempt}` : ''}</span>
      </UnstyledButton>
      {isOpen && (
        <div className={classes['json']}>
          <LongText text={toJsonText(event)} first={8_000} />
        </div>
      )}
    </div>
  );
}

const PREVIEW = 300;

/** Returns the beginning of the data as JSON. A text of megabytes is cut before it is written down. */
function toPreview(data: unknown): string {
  const cut = (_key: string, value: unknown) => (typeof value === 'string' ? value.slice(0, PREVIEW) : value);
  return JSON.stringify(data, cut).slice(0, PREVIEW);
}

function matches(event: LonghaulEvent, wanted: string): boolean {
  return event.type.includes(wanted) || JSON.stringify(event.data).toLowerCase().includes(wanted);
}
