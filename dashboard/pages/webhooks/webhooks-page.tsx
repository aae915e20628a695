import { Button, Checkbox, Stack, TextInput } from '@mantine/core';
import { PaperPlaneIcon } from '@radix-ui/react-icons';
import type { NewWebhook, WebhookResource } from 'longhaul/client';
import { useState } from 'react';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { ConfirmButton } from '../../ui/form/confirm-button.tsx';
import { FormDialog } from '../../ui/form/form-dialog.tsx';
import { SecretOnce } from '../../ui/form/secret-once.tsx';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import { Deliveries } from './deliveries.tsx';
import entries from '../../ui/list/entries.module.css';

const EVENTS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting'] as const;

/** Lists the webhooks and their deliveries. */
export function WebhooksPage() {
  const { mayWrite } = useRights();
  const [isCreating, setIsCreating] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const list = useMore(['webhooks'], (cursor) => client.webhooks({ limit: 50, cursor }));
  const create = mayWrite && <Button onClick={() => setIsCreating(true)}>New webhook…</Button>;
  return (
    <Page title="Webhooks" actions={list.rows !== undefined && list.rows.length > 0 && create}>
      <Stack gap="md">
        {secret !== null && <SecretOnce what="The secret that signs its deliveries" secret={secret} />}
        {list.rows === undefined ? (
          list.error === null ? (
            <PageLoading />
          ) : (
            <Failed error={list.error} onRetry={list.retry} />
          )
        ) : list.rows.length === 0 ? (
          <State icon={<PaperPlaneIcon />} title="No webhooks yet" actions={create}>
            A webhook receives events when runs of its key end or wait, signed as in Standard Webhooks.
          </State>
        ) : (
          <ul className={entries['list']} style={{ width: '100%' }}>
            {list.rows.map((webhook) => (
              <li key={webhook.id}>
                <Webhook webhook={webhook} />
              </li>
            ))}
          </ul>
        )}
      </Stack>
      <MoreButton list={list} />
      {isCreating && <NewWebhookDialog onClose={() => setIsCreating(false)} onCreated={setSecret} />}
    </Page>
  );
}

function Webhook({ webhook: { id, url, description, events, createdAt, disabledAt } }: { webhook: WebhookResource }) {
  const { mayWrite } = useRights();
  const [isOpen, setIsOpen] = useState(false);
  const test = useAction({
    act: () => client.testWebhook(id),
    changes: ['deliveries'],
    onSuccess: () => setIsOpen(true),
    done: 'A test was sent.',
  });
  const remove = useAction({ act: () => client.removeWebhook(id), changes: ['webhooks'], done: 'It was removed.' });
  return (
    <article className={entries['entry']}>
      <header>
        <h2>
          <bdi>{toVisible(description ?? url)}</bdi>
        </h2>
        {disabledAt !== null && <Tag tone="gray">answered 410 Gone</Tag>}
        <div className={entries['buttons']}>
          <Button size="compact-xs" variant="default" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
            Deliveries
          </Button>
          {mayWrite && (
            <>
              <Button size="compact-xs" variant="default" loading={test.isPending} onClick={() => test.mutate()}>
                Send a test
              </Button>
              <ConfirmButton
                label="Remove…"
                title="Remove this webhook"
                confirm="Remove"
                isPending={remove.isPending}
                onConfirm={() => remove.mutateAsync()}
              >
                It receives no more events, and its secret is no longer used.
              </ConfirmButton>
            </>
          )}
        </div>
      </header>
      <p className={entries['facts']}>
        {description !== null && <span className="mono">{toVisible(url)}</span>}
        <span>{events.join(', ')}</span>
        <span>
          created <Time at={createdAt} />
        </span>
      </p>
      {isOpen && <Deliveries webhookId={id} />}
    </article>
  );
}

interface NewWebhookDialogProps {
  readonly onClose: () => void;
  readonly onCreated: (secret: string) => void;
}

function NewWebhookDialog({ onClose, onCreated }: NewWebhookDialogProps) {
  const [url, setUrl] = useState('https://');
  const [description, setDescription] = useState('');
  const [events, setEvents] = useState<string[]>([...EVENTS]);
  const create = useAction({
    act: () =>
      client.createWebhook({
        url: url.trim(),
        events: events as NewWebhook['events'],
        ...(description.trim() !== '' && { description: description.trim() }),
      }),
    changes: ['webhooks'],
    onSuccess: ({ secret }) => {
      onCreated(secret);
      onClose();
    },
    isQuiet: true,
  });
  return (
    <FormDialog
      title="New webhook"
      submit="Create"
      isReady={/^https?:\/\/./.test(url.trim()) && events.length > 0}
      isPending={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Address"
        description="https, and not in a private network unless the configuration allows it"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        data-autofocus
      />
      <TextInput
        label="Description"
        maxLength={200}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <Checkbox.Group label="Events" value={events} onChange={setEvents}>
        <Stack gap={8} mt={8}>
          {EVENTS.map((event) => (
            <Checkbox key={event} value={event} label={event} />
          ))}
        </Stack>
      </Checkbox.Group>
    </FormDialog>
  );
}
