import { Button, Checkbox, Group, Stack, TextInput } from '@mantine/core';
import { IdCardIcon } from '@radix-ui/react-icons';
import type { KeyResource, NewKey } from 'longhaul/client';
import { useState } from 'react';
import { client } from '../../data/client.ts';
import { useRights, useSignedIn } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { Card } from '../../ui/card/card.tsx';
import { ConfirmButton } from '../../ui/form/confirm-button.tsx';
import { FormDialog } from '../../ui/form/form-dialog.tsx';
import { SecretOnce } from '../../ui/form/secret-once.tsx';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';

const SCOPES: readonly { readonly value: NonNullable<NewKey['scopes']>[number]; readonly description: string }[] = [
  { value: 'runs:write', description: 'Submit, cancel and retry runs; schedules and webhooks' },
  { value: 'runs:read', description: 'See runs, sessions and figures' },
  { value: 'approvals', description: 'Decide on approvals' },
  { value: 'admin', description: 'Everything, including workers, budgets, alerts, audit and keys' },
];

/** The API keys: who may do what, and when each was last used. */
export function KeysPage() {
  const { isOperator } = useRights();
  const [isCreating, setIsCreating] = useState(false);
  const [created, setCreated] = useState<string | null>(null);
  if (!isOperator) {
    return (
      <Page title="Keys">
        <NoPermission />
      </Page>
    );
  }
  return (
    <Page title="Keys" actions={<Button onClick={() => setIsCreating(true)}>New key…</Button>}>
      <Stack gap="md" maw={1_320}>
        {created !== null && <SecretOnce what="The key" secret={created} />}
        <Keys />
      </Stack>
      {isCreating && <NewKeyDialog onClose={() => setIsCreating(false)} onCreated={setCreated} />}
    </Page>
  );
}

function Keys() {
  const { keyId } = useSignedIn();
  const list = useMore(['keys'], (cursor) => client.keys({ limit: 100, cursor }));
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} />;
  }
  if (list.rows.length === 0) {
    return (
      <State icon={<IdCardIcon />} title="No keys">
        Create one for each application and person.
      </State>
    );
  }
  const columns: SimpleColumn<KeyResource>[] = [
    {
      title: 'Name',
      cell: ({ id, name, subject, revokedAt }) => (
        <Group gap={8}>
          <bdi>{toVisible(name)}</bdi>
          {subject !== null && <Tag tone="gray">signs in</Tag>}
          {id === keyId && <Tag tone="accent">yours</Tag>}
          {revokedAt !== null && <Tag tone="gray">revoked</Tag>}
        </Group>
      ),
    },
    { title: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
    { title: 'User', isMinor: true, cell: ({ user }) => (user === null ? 'any' : <bdi>{toVisible(user)}</bdi>) },
    { title: 'Team', isMinor: true, cell: ({ team }) => (team === null ? 'any' : <bdi>{toVisible(team)}</bdi>) },
    {
      title: 'Last used',
      align: 'right',
      isMinor: true,
      cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : <Time at={lastUsedAt} />),
    },
    { title: 'Created', align: 'right', isMinor: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      title: 'Action',
      align: 'right',
      cell: (key) => (key.revokedAt === null ? <RevokeButton apiKey={key} isOwn={key.id === keyId} /> : null),
    },
  ];
  return (
    <Card title="API keys" isFlush>
      <SimpleTable label="API keys" columns={columns} rows={list.rows} toId={({ id }) => id} />
      <MoreButton list={list} />
    </Card>
  );
}

function RevokeButton({ apiKey: { id, name }, isOwn }: { apiKey: KeyResource; isOwn: boolean }) {
  const revoke = useAction({ act: () => client.revokeKey(id), changes: ['keys', 'signed-in'] });
  return (
    <ConfirmButton
      label="Revoke…"
      title={`Revoke ${toVisible(name)}`}
      confirm="Revoke"
      isPending={revoke.isPending}
      onConfirm={() => revoke.mutateAsync()}
    >
      Its requests are rejected immediately, its tokens and sign-ins end, and its schedules pause. This cannot be
      undone.
      {isOwn && ' You are signed in with it: you will be signed out.'}
    </ConfirmButton>
  );
}

interface NewKeyDialogProps {
  readonly onClose: () => void;
  readonly onCreated: (key: string) => void;
}

function NewKeyDialog({ onClose, onCreated }: NewKeyDialogProps) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<string[]>(['runs:write', 'runs:read', 'approvals']);
  const [user, setUser] = useState('');
  const [team, setTeam] = useState('');
  const create = useAction({
    act: () =>
      client.createKey({
        name: name.trim(),
        scopes: scopes as NewKey['scopes'],
        ...(user.trim() !== '' && { user: user.trim() }),
        ...(team.trim() !== '' && { team: team.trim() }),
      }),
    changes: ['keys'],
    onSuccess: ({ key }) => {
      onCreated(key);
      onClose();
    },
    isQuiet: true,
  });
  return (
    <FormDialog
      title="New key"
      submit="Create"
      isReady={name.trim() !== '' && scopes.length > 0}
      isPending={create.isPending}
      error={create.error}
      onSubmit={() => create.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        description="For people to know it by"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
      <Checkbox.Group label="May" value={scopes} onChange={setScopes}>
        <Stack gap={10} mt={8}>
          {SCOPES.map(({ value, description }) => (
            <Checkbox key={value} value={value} label={value} description={description} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Group grow align="flex-start">
        <TextInput
          label="Only for the user"
          placeholder="any"
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <TextInput
          label="Only for the team"
          placeholder="any"
          value={team}
          onChange={(event) => setTeam(event.currentTarget.value)}
        />
      </Group>
    </FormDialog>
  );
}
