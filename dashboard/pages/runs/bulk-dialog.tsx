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
export function BulkDialog({ request: { action, runs }, onClose }: BulkDialogProps) {
  const queries = useQueryClient();
  const stopping = useRef(new AbortController());
  const [progress, setProgress] = useState<BulkProgress | null>(null);
  const [state, setState] = useState<'asking' | 'working' | 'over'>('asking');
  const [error, setError] = useState<unknown>(null);
  const words = WORDS[action];
  const choice = 'length' in runs ? null : runs;
  const counted = useQuery({
    queryKey: ['bulk-count', action, choice],
    queryFn: async () =>
      toStatuses(action, choice!).length === 0
        ? { count: 0, isMore: false }
        : client.countRuns(toCountChoice(action, choice!)),
    enabled: choice !== null,
    staleTime: 0,
  });
  const target: BulkTarget | null =
    choice === null
      ? { ids: runs as readonly string[] }
      : counted.data === undefined
        ? null
        : { choice, ...counted.data };
  const count = target === null ? null : 'ids' in target ? target.ids.length : target.count;

  async function start(): Promise<void> {
    if (target === null) return;
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

  const seen = (progress?.done ?? 0) + (progress?.skipped.length ?? 0);
  return (
    <Modal
      opened
      onClose={() => onClose(state === 'over')}
      title={words.title}
      closeOnClickOutside={state !== 'working'}
      closeOnEscape={state !== 'working'}
      withCloseButton={state !== 'working'}
    >
      {state === 'asking' && (
        <>
          <Text>
            {counted.error !== null
              ? messageOf(counted.error)
              : count === null
                ? 'Counting…'
                : count === 0
                  ? words.nothing
                  : words.ask(toCountText(count, target !== null && 'isMore' in target && target.isMore))}
          </Text>
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={() => onClose(false)}>
              Leave as they are
            </Button>
            <Button
              color={action === 'cancel' ? 'red' : undefined}
              disabled={count === null || count === 0}
              onClick={() => void start()}
              data-autofocus
            >
              {words.button}
            </Button>
          </Group>
        </>
      )}
      {state !== 'asking' && progress !== null && (
        <>
          <Progress
            value={state === 'over' ? 100 : progress.total === null ? 100 : (100 * seen) / Math.max(1, progress.total)}
            animated={state === 'working'}
            color={error !== null ? 'red' : undefined}
            aria-label="Progress"
          />
          <Text mt="sm" role="status" className="numeric">
            {formatCount(progress.done)} {words.done}
            {progress.skipped.length > 0 && `, ${formatCount(progress.skipped.length)} left out`}
            {progress.total !== null && state === 'working' && ` of ${formatCount(progress.total)}`}
          </Text>
          {error !== null && (
            <Text c="red" mt="xs" role="alert">
              It stopped with an error: {messageOf(error)}
            </Text>
          )}
          {progress.skipped.length > 0 && (
            <ScrollArea.Autosize mah={240} mt="sm" className={classes['skipped']}>
              <ul>
                {progress.skipped.slice(0, 500).map(({ id, message }) => (
                  <li key={id}>
                    <Link to="/runs/$runId" params={{ runId: id }} className="mono">
                      {shortId(id)}
                    </Link>
                    <span>{message}</span>
                  </li>
                ))}
              </ul>
            </ScrollArea.Autosize>
          )}
          <Group justify="flex-end" mt="lg">
            {state === 'working' ? (
              <Button variant="default" onClick={() => stopping.current.abort()}>
                Stop
              </Button>
            ) : (
              <Button onClick={() => onClose(true)} data-autofocus>
                Done
              </Button>
            )}
          </Group>
        </>
      )}
    </Modal>
  );
}

function toCountText(count: number, isMore: boolean): string {
  if (isMore) return `More than ${formatCount(count)} runs`;
  return count === 1 ? '1 run' : `${formatCount(count)} runs`;
}
