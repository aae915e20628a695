import { ActionIcon, Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import {
  CodeIcon,
  CopyIcon,
  DotsHorizontalIcon,
  Pencil1Icon,
  ReloadIcon,
  StopIcon,
  ChatBubbleIcon,
} from '@radix-ui/react-icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { RunResource } from 'longhaul/client';
import { API_PATH } from '../../app/environment.ts';
import { client } from '../../data/client.ts';
import { runQuery } from '../../data/runs.ts';
import { useRights } from '../../data/signed-in.ts';
import { useCopy } from '../../ui/copy/use-copy.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import { isUnfinished } from '../../ui/status/run-status.tsx';
import { toCurl } from './to-curl.ts';

/** Buttons of a run: cancel, retry, run again with changes, open, copy. */
export function RunActions({ run }: { readonly run: RunResource }) {
  const { mayWrite } = useRights();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { copy } = useCopy();
  const onError = (error: unknown) =>
    notifications.show({ color: 'red', title: 'That did not work', message: messageOf(error) });
  const cancel = useMutation({
    mutationFn: () => client.cancel(run.id),
    onSuccess: (next) => queries.setQueryData(runQuery(run.id).queryKey, { ...run, ...next }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['run', run.id] }),
    onError,
  });
  const retry = useMutation({
    mutationFn: () => client.retry(run.id),
    onSuccess: ({ id }) => navigate({ to: '/runs/$runId', params: { runId: id } }),
    onError,
  });
  const canRetry = run.status === 'failed' || run.status === 'cancelled';
  return (
    <>
      {mayWrite && isUnfinished(run.status) && (
        <Button variant="default" leftSection={<StopIcon />} loading={cancel.isPending} onClick={() => cancel.mutate()}>
          Cancel
        </Button>
      )}
      {mayWrite && canRetry && (
        <Button leftSection={<ReloadIcon />} loading={retry.isPending} onClick={() => retry.mutate()}>
          Retry
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label="More">
            <DotsHorizontalIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {mayWrite && (
            <Menu.Item
              leftSection={<Pencil1Icon />}
              onClick={() => void navigate({ to: '/try', search: { from: run.id } })}
            >
              Run again with changes
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={<ChatBubbleIcon />}
            onClick={() => void navigate({ to: '/sessions/$sessionId', params: { sessionId: run.sessionId } })}
          >
            Open the session
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<CodeIcon />} onClick={() => copy(toCurl(run, `${location.origin}${API_PATH}`))}>
            Copy as curl
          </Menu.Item>
          <Menu.Item leftSection={<CopyIcon />} onClick={() => copy(run.id)}>
            Copy the id
          </Menu.Item>
          <Menu.Item leftSection={<CopyIcon />} onClick={() => copy(JSON.stringify(run, null, 2))}>
            Copy as JSON
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
