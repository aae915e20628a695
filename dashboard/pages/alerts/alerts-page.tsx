import { Button, Select } from '@mantine/core';
import { BellIcon, CheckCircledIcon } from '@radix-ui/react-icons';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { AlertResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { useRights } from '../../data/signed-in.ts';
import { useAction } from '../../data/use-action.ts';
import { JsonView } from '../../ui/code/json-view.tsx';
import { MoreButton, useMore } from '../../ui/list/use-more.tsx';
import { Page } from '../../ui/page/page.tsx';
import { Failed, NoPermission } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { State } from '../../ui/states/state.tsx';
import { Tag } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { LongText } from '../../ui/text/long-text.tsx';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Duration, Time } from '../../ui/time/time.tsx';
import classes from './alerts.module.css';

const TONES: Readonly<Record<AlertResource['severity'], Tone>> = { info: 'blue', warning: 'amber', critical: 'red' };

/** Lists open and past alerts, with their deliveries. */
export function AlertsPage() {
  const { isOperator } = useRights();
  const search = useSearch({ from: '/alerts' });
  const navigate = useNavigate({ from: '/alerts' });
  if (!isOperator) {
    return (
      <Page title="Alerts">
        <NoPermission />
      </Page>
    );
  }
  const change = (key: 'state' | 'severity') => (value: string | null) =>
    void navigate({ search: { ...search, [key]: value === null || value === '' ? undefined : value }, replace: true });
  return (
    <Page
      title="Alerts"
      actions={
        <>
          <Select
            aria-label="Severity"
            w={130}
            allowDeselect={false}
            data={[
              { value: '', label: 'Any severity' },
              { value: 'critical', label: 'Critical' },
              { value: 'warning', label: 'Warning' },
              { value: 'info', label: 'Info' },
            ]}
            value={search.severity ?? ''}
            onChange={change('severity')}
          />
          <Select
            aria-label="State"
            w={130}
            allowDeselect={false}
            data={[
              { value: '', label: 'Open' },
              { value: 'all', label: 'Open and past' },
              { value: 'resolved', label: 'Past' },
            ]}
            value={search.state ?? ''}
            onChange={change('state')}
          />
        </>
      }
    >
      <Alerts state={search.state} severity={search.severity} />
    </Page>
  );
}

function Alerts({ state, severity }: { state: string | undefined; severity: string | undefined }) {
  const list = useMore(['alerts', 'list', state ?? '', severity ?? ''], (cursor) =>
    client.alerts({
      state: state === 'all' ? undefined : state === 'resolved' ? 'resolved' : 'open',
      severity: isSeverity(severity) ? severity : undefined,
      cursor,
      limit: 50,
    }),
  );
  if (list.rows === undefined) {
    return list.error === null ? <PageLoading /> : <Failed error={list.error} onRetry={list.retry} />;
  }
  if (list.rows.length === 0) {
    return (
      <State icon={<CheckCircledIcon />} title={state === undefined ? 'No alert is open' : 'No alert matches'}>
        Set rules and channels under alerts in the configuration.
      </State>
    );
  }
  return (
    <>
      <ul className={classes['list']}>
        {list.rows.map((alert) => (
          <li key={alert.id}>
            <Alert alert={alert} />
          </li>
        ))}
      </ul>
      <MoreButton list={list} />
    </>
  );
}

function Alert({ alert }: { alert: AlertResource }) {
  const { severity, state, title, detail, rule, key, data, deliveries, openedAt, resolvedAt, acknowledgedAt } = alert;
  const acknowledge = useAction({ act: () => client.acknowledgeAlert(alert.id), changes: ['alerts'] });
  return (
    <article className={classes['alert']} data-severity={state === 'open' ? severity : undefined}>
      <header>
        <BellIcon />
        <h2>{toVisible(title)}</h2>
        <Tag tone={state === 'open' ? TONES[severity] : 'gray'}>{state === 'open' ? severity : 'past'}</Tag>
        {state === 'open' && acknowledgedAt === null && (
          <Button
            size="compact-xs"
            variant="default"
            loading={acknowledge.isPending}
            onClick={() => acknowledge.mutate()}
          >
            Acknowledge
          </Button>
        )}
      </header>
      <LongText text={detail} isPlain first={1_000} />
      <p className={classes['facts']}>
        <span>
          opened <Time at={openedAt} />
        </span>
        <span>
          {state === 'open' ? 'open for ' : 'was open for '}
          <Duration from={openedAt} to={resolvedAt} />
        </span>
        {acknowledgedAt !== null && (
          <span>
            acknowledged <Time at={acknowledgedAt} />
          </span>
        )}
        <span className="mono">{toVisible(key)}</span>
      </p>
      <details className={classes['details']}>
        <summary>
          {deliveries.length === 0
            ? 'Not delivered: no channel is configured'
            : `${deliveries.length} ${deliveries.length === 1 ? 'delivery' : 'deliveries'}`}
          {deliveries.some(({ status }) => status === 'failed') && <Tag tone="red">a delivery failed</Tag>}
        </summary>
        <ul>
          {deliveries.map((delivery) => (
            <li key={`${delivery.channel} ${delivery.at}`}>
              {delivery.channel}, {delivery.what}: {delivery.status} <Time at={delivery.deliveredAt ?? delivery.at} />
              {delivery.lastError !== null && `: ${toVisible(delivery.lastError).slice(0, 500)}`}
            </li>
          ))}
        </ul>
        <p className={classes['facts']}>Figures of the rule {rule}</p>
        <JsonView value={data} first={2_000} />
      </details>
    </article>
  );
}

function isSeverity(text: string | undefined): text is AlertResource['severity'] {
  return text === 'info' || text === 'warning' || text === 'critical';
}
