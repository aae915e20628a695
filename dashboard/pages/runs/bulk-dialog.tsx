import { Button, Group, Modal, Progress, ScrollArea, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { RunChoice } from 'longhaul/client';
import { useRef, useState } from 'react';
import { client } from '../../data/client.ts';
import { formatCount, shortId } from '../../ui/format/format.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import {
  doInBulk,
  toCountChoice,
  toStatuses,
  type BulkAction,
  type BulkProgress,
  type BulkTarget,
} from './bulk-work.ts';
import classes from './bulk-dialog.module.css';

/** The action to perform on the selected runs or on all matching runs. */
export interface BulkRequest {
  readonly action: BulkAction;
  readonly runs: readonly string[] | RunChoice;
}

interface BulkDialogProps {
  readonly request: BulkRequest;
  /** Called with whether any run was changed. */
  readonly onClose: (isDone: boolean) => void;
}

const WORDS = {
  cancel: {
    title: 'Cancel runs',
    ask: (count: string) =>
      `${count} will be cancelled. Queued ones at once, running ones within seconds; what they cost so far is kept.`,
    nothing: 'None of them can be cancelled: all are finished.',
    button: 'Cancel runs',
    done: 'cancelled',
  },
  retry: {
    title: 'Retry runs',
    ask: (count: string) =>
      `${count} will be retried: each as a new run, in the same session, under the current limits of its agent.`,
    nothing: 'None of them can be retried: only failed and cancelled runs can, and each once.',
    button: 'Retry runs',
    done: 'retried',
  },
} as const;

/** Shows the number of runs, performs the action with progress, and lists the skipped runs. */
export function BulkDialog({ request, onClose }: BulkDialogProps) {
  const { action } = request;
  const counted = useTarget(request);
  const bulk = useBulk(action);
  return (
    <Modal
      opened
      onClose={() => onClose(bulk.state === 'over')}
      title={WORDS[action].title}
      closeOnClickOutside={bulk.state !== 'working'}
      closeOnEscape={bulk.state !== 'working'}
      withCloseButton={bulk.state !== 'working'}
    >
      {bulk.state === 'asking' ? (
        <Question
          action={action}
          counted={counted}
          onStart={(target) => void bulk.start(target)}
          onLeave={() => onClose(false)}
        />
      ) : (
        <Work action={action} bulk={bulk} onDone={() => onClose(true)} />
      )}
    </Modal>
  );
}

interface Counted {
  /** Null while the runs are counted. */
  readonly target: BulkTarget | null;
  readonly error: Error | null;
}

/** Counts the runs of a request. */
function useTarget({ action, runs }: BulkRequest): Counted {
  const choice = 'length' in runs ? null : runs;
  const { data, error } = useQuery({
    queryKey: ['bulk-count', action, choice],
    queryFn: async () =>
      toStatuses(action, choice!).length === 0
        ? { count: 0, isMore: false }
        : client.countRuns(toCountChoice(action, choice!)),
    enabled: choice !== null,
    staleTime: 0,
  });
  if (choice === null) return { target: { ids: runs as readonly string[] }, error: null };
  return { target: data === undefined ? null : { choice, ...data }, error };
}

interface Bulk {
  readonly state: 'asking' | 'working' | 'over';
  readonly progress: BulkProgress | null;
  /** Error that ended the work early; null without one. */
  readonly error: unknown;
  readonly start: (target: BulkTarget) => Promise<void>;
  readonly stop: () => void;
}

/** Performs the action, and keeps its progress. */
function useBulk(action: BulkAction): Bulk {
  const queries = useQueryClient();
  const stopping = useRef(new AbortController());
  const [progress, setProgress] = useState<BulkProgress | null>(null);
  const [state, setState] = useState<Bulk['state']>('asking');
  const [error, setError] = useState<unknown>(null);

  async function start(target: BulkTarget): Promise<void> {
    setState('working');
    try {
      await doInBulk({ action, target, signal: stopping.current.signal, onProgress: setProgress });
    } catch (failure) {
      setError(failure);
    }
    setState('over');
    void queries.invalidateQueries({ queryKey: ['runs'] });
    void queries.invalidateQueries({ queryKey: ['runs-head'] });
  }

  return { state, progress, error, start, stop: () => stopping.current.abort() };
}

interface QuestionProps {
  readonly action: BulkAction;
  readonly counted: Counted;
  readonly onStart: (target: BulkTarget) => void;
  readonly onLeave: () => void;
}

/** Asks before the action, with the number of runs. */
function Question({ action, counted: { target, error }, onStart, onLeave }: QuestionProps) {
  const words = WORDS[action];
  const count = target === null ? 0 : 'ids' in target ? target.ids.length : target.count;
  const toText = () => {
    if (error !== null) return messageOf(error);
    if (target === null) return 'Counting…';
    return count === 0 ? words.nothing : words.ask(toCountText(count, 'isMore' in target && target.isMore));
  };
  return (
    <>
      <Text>{toText()}</Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={onLeave}>
          Leave as they are
        </Button>
        <Button
          color={action === 'cancel' ? 'red' : undefined}
          disabled={target === null || count === 0}
          onClick={() => target !== null && onStart(target)}
          data-autofocus
        >
          {words.button}
        </Button>
      </Group>
    </>
  );
}

interface WorkProps {
  readonly action: BulkAction;
  readonly bulk: Bulk;
  readonly onDone: () => void;
}

/** Shows the progress of the action, and its outcome. */
function Work({ action, bulk: { state, progress, error, stop }, onDone }: WorkProps) {
  const { done = 0, skipped = [], total = null } = progress ?? {};
  const isWorking = state === 'working';
  const share = !isWorking || total === null ? 1 : (done + skipped.length) / Math.max(1, total);
  return (
    <>
      <Progress
        value={100 * share}
        animated={isWorking}
        color={error !== null ? 'red' : undefined}
        aria-label="Progress"
      />
      <Text mt="sm" role="status" className="numeric">
        {formatCount(done)} {WORDS[action].done}
        {skipped.length > 0 && `, ${formatCount(skipped.length)} left out`}
        {total !== null && isWorking && ` of ${formatCount(total)}`}
      </Text>
      {error !== null && (
        <Text c="red" mt="xs" role="alert">
          It stopped with an error: {messageOf(error)}
        </Text>
      )}
      {skipped.length > 0 && <Skipped skipped={skipped} />}
      <Group justify="flex-end" mt="lg">
        {isWorking ? (
          <Button variant="default" onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button onClick={onDone} data-autofocus>
            Done
          </Button>
        )}
      </Group>
    </>
  );
}

const MOST_SKIPPED = 500;

function Skipped({ skipped }: Pick<BulkProgress, 'skipped'>) {
  return (
    <ScrollArea.Autosize mah={240} mt="sm" className={classes['skipped']}>
      <ul>
        {skipped.slice(0, MOST_SKIPPED).map(({ id, message }) => (
          <li key={id}>
            <Link to="/runs/$runId" params={{ runId: id }} className="mono">
              {shortId(id)}
            </Link>
            <span>{message}</span>
          </li>
        ))}
      </ul>
    </ScrollArea.Autosize>
  );
}

function toCountText(count: number, isMore: boolean): string {
  if (isMore) return `More than ${formatCount(count)} runs`;
  return count === 1 ? '1 run' : `${formatCount(count)} runs`;
}
