import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { WebhookDeliveryResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { shortId } from '../../ui/format/format.ts';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { PaperPlaneIcon } from '@radix-ui/react-icons';
import { Status } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import entries from '../../ui/list/entries.module.css';

const TONES: Readonly<Record<WebhookDeliveryResource['status'], Tone>> = {
  pending: 'blue',
  delivered: 'green',
  failed: 'red',
};

/** Lists the deliveries of a webhook, newest first. */
export function Deliveries({ webhookId }: { readonly webhookId: string }) {
  const { mayWrite } = useRights();
  const list = useMore(['deliveries', webhookId], (cursor) => client.deliveries({ webhookId, limit: 20, cursor }), {
    refetchInterval: 5_000,
  });
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} isCompact />;
  }
  if (list.rows.length === 0) {
    return (
      <State icon={<PaperPlaneIcon />} title="Nothing was delivered yet" isCompact>
        Send a test to check that it arrives.
      </State>
    );
  }
  const columns: SimpleColumn<WebhookDeliveryResource>[] = [
    { title: 'Event', cell: ({ type }) => type },
    { title: 'Status', cell: ({ status }) => <Status tone={TONES[status]}>{status}</Status> },
    { title: 'Response', align: 'right', cell: ({ responseStatus }) => responseStatus ?? '–' },
    { title: 'Attempts', align: 'right', isMinor: true, cell: ({ attempts }) => attempts },
    {
      title: 'Run',
      isMinor: true,
      cell: ({ runId }) =>
        runId === null ? (
          'a test'
        ) : (
          <Link to="/runs/$runId" params={{ runId }} className="mono">
            {shortId(runId)}
          </Link>
        ),
    },
    { title: 'When', align: 'right', isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    ...(mayWrite
      ? [
          {
            title: 'Action',
            align: 'right',
            cell: (delivery) => <Redeliver delivery={delivery} />,
          } as SimpleColumn<WebhookDeliveryResource>,
        ]
      : []),
  ];
  return (
    <>
      <SimpleTable label="Deliveries" columns={columns} rows={list.rows} toId={({ id }) => id} below={explain} />
      <MoreButton list={list} />
    </>
  );
}

function explain({ error, responseText, nextAttemptAt }: WebhookDeliveryResource) {
  if (error === null) return null;
  return (
    <p className={entries['problem']}>
      {toVisible(error).slice(0, 300)}
      {responseText !== null && responseText !== '' && `: ${toVisible(responseText).slice(0, 300)}`}
      {nextAttemptAt !== null && (
        <>
          {' '}
          – tried again <Time at={nextAttemptAt} />
        </>
      )}
    </p>
  );
}

function Redeliver({ delivery: { id, status } }: { delivery: WebhookDeliveryResource }) {
  const redeliver = useAction({ act: () => client.redeliver(id), changes: ['deliveries'] });
  if (status === 'pending') return null;
  return (
    <Button size="compact-xs" variant="default" loading={redeliver.isPending} onClick={() => redeliver.mutate()}>
      Deliver again
    </Button>
  );
}
