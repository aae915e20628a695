import { Button, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { CheckCircledIcon, CrossCircledIcon, ReaderIcon } from '@radix-ui/react-icons';
import { useMutation } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { AuditEntryResource, AuditVerificationResource } from 'longhaul/client';
import { useState } from 'react';
import { client } from '../../data/client.ts';
import { SPANS } from '../../data/figures.ts';
import { useRights } from '../../data/signed-in.ts';
import { Card } from '../../ui/card/card.tsx';
import { formatCount } from '../../ui/format/format.ts';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { messageOf } from '../../ui/states/message-of.ts';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { SimpleTable, type SimpleColumn } from '../../ui/table/simple-table.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import { AUDIT_ACTIONS } from './audit-actions.ts';
import { AuditActor } from './audit-actor.tsx';
import { AuditSubject } from './audit-subject.tsx';
import classes from './audit.module.css';

/** Shows the audit record, and verifies that it was not changed. */
export function AuditPage() {
  const { isOperator } = useRights();
  const search = useSearch({ from: '/audit' });
  const navigate = useNavigate({ from: '/audit' });
  const set = (key: keyof typeof search, value: string | null) =>
    void navigate({ search: (current) => ({ ...current, [key]: value || undefined }), replace: true });
  const verify = useMutation({ mutationFn: () => client.verifyAudit() });
  if (!isOperator) {
    return (
      <Page title="Audit">
        <NoPermission />
      </Page>
    );
  }
  return (
    <Page
      title="Audit"
      actions={
        <Button variant="default" loading={verify.isPending} onClick={() => verify.mutate()}>
          Verify the chain
        </Button>
      }
      toolbar={
        <div className={classes['filters']}>
          <Select
            aria-label="Action"
            placeholder="Any action"
            clearable
            searchable
            data={[...AUDIT_ACTIONS]}
            value={search.action ?? null}
            onChange={(value) => set('action', value)}
          />
          <TypedFilter
            label="Subject"
            placeholder="Subject, such as a run's id"
            value={search.subject}
            onChange={(value) => set('subject', value)}
          />
          <TypedFilter
            label="Actor"
            placeholder="Actor, such as system"
            value={search.actor}
            onChange={(value) => set('actor', value)}
          />
          <Select
            aria-label="Time"
            placeholder="Any time"
            clearable
            data={Object.entries(SPANS).map(([value, { title }]) => ({ value, label: title }))}
            value={search.time ?? null}
            onChange={(value) => set('time', value)}
          />
        </div>
      }
    >
      <div className={classes['page']}>
        {verify.error !== null && (
          <p role="alert" className={classes['bad']}>
            {messageOf(verify.error)}
          </p>
        )}
        {verify.data !== undefined && <Verification result={verify.data} />}
        <Entries search={search} />
      </div>
    </Page>
  );
}

interface TypedFilterProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string | undefined;
  readonly onChange: (value: string) => void;
}

function TypedFilter({ label, placeholder, value = '', onChange }: TypedFilterProps) {
  const [typed, setTyped] = useState(value);
  const apply = useDebouncedCallback((next: string) => onChange(next.trim()), 300);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={typed}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        apply(event.currentTarget.value);
      }}
    />
  );
}

const COLUMNS: SimpleColumn<AuditEntryResource>[] = [
  { title: 'Action', cell: ({ action }) => action },
  { title: 'Subject', cell: (entry) => <AuditSubject entry={entry} /> },
  { title: 'By', cell: ({ actor }) => <AuditActor actor={actor} /> },
  {
    title: 'Data',
    isMinor: true,
    cell: ({ data }) => <span className={classes['data']}>{toVisible(JSON.stringify(data) ?? '').slice(0, 300)}</span>,
  },
  { title: 'No.', align: 'right', isMinor: true, cell: ({ seq }) => (seq === null ? '…' : formatCount(seq)) },
  { title: 'When', align: 'right', cell: ({ at }) => <Time at={at} /> },
];

interface EntriesProps {
  readonly search: {
    readonly action?: string;
    readonly subject?: string;
    readonly actor?: string;
    readonly time?: string;
  };
}

function Entries({ search: { action, subject, actor, time } }: EntriesProps) {
  const list = useMore<AuditEntryResource, number>(
    ['audit', action ?? '', subject ?? '', actor ?? '', time ?? ''],
    (cursor) => {
      const span = time !== undefined && Object.hasOwn(SPANS, time) ? SPANS[time as keyof typeof SPANS] : undefined;
      const from = span === undefined ? undefined : new Date(Date.now() - span.ms).toISOString();
      return client.audit({ action, subject, actor, from, cursor, limit: 50 });
    },
  );
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} />;
  }
  if (list.rows.length === 0) {
    return (
      <State icon={<ReaderIcon />} title="No entry matches">
        Every change is recorded here, with its actor.
      </State>
    );
  }
  return (
    <Card title="Entries" hint="newest first" isFlush>
      <SimpleTable label="Audit record" columns={COLUMNS} rows={list.rows} toId={({ id }) => String(id)} />
      <MoreButton list={list} />
    </Card>
  );
}

function Verification({ result }: { result: AuditVerificationResource }) {
  const { isIntact, entries, lastSeq, lastHash, sealedUntil, unchained, problems, problemCount } = result;
  return (
    <section className={classes['verification']} data-intact={isIntact} role="status">
      <header>
        {isIntact ? <CheckCircledIcon /> : <CrossCircledIcon />}
        <h2>{isIntact ? 'The record is intact' : `${formatCount(problemCount)} entries break the chain`}</h2>
      </header>
      <p>
        {formatCount(entries)} entries were checked
        {sealedUntil !== null && `, entries up to ${sealedUntil} are sealed`}
        {unchained > 0 && `, ${formatCount(unchained)} wait to be chained`}.
      </p>
      {lastHash !== null && (
        <p>
          Keep entry {lastSeq} with <span className="mono">{lastHash}</span>: later it proves all entries before it.
        </p>
      )}
      {problems.length > 0 && (
        <ul>
          {problems.slice(0, 50).map(({ seq, what }) => (
            <li key={`${seq} ${what}`}>
              Entry {seq}: {toVisible(what)}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
