import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { DoctorCheckResource } from 'longhaul/client';
import { client } from '../../data/client.ts';
import { Card } from '../../ui/card/card.tsx';
import { Failed } from '../../ui/states/failed.tsx';
import { PageLoading } from '../../ui/states/page-loading.tsx';
import { Status } from '../../ui/status/tag.tsx';
import type { Tone } from '../../ui/status/tone.ts';
import { toVisible } from '../../ui/text/to-visible.ts';
import { Time } from '../../ui/time/time.tsx';
import classes from './health.module.css';

type Verdict = DoctorCheckResource['verdict'];

const TONES: Readonly<Record<Verdict, Tone>> = { ok: 'green', warning: 'amber', failed: 'red', skipped: 'gray' };

/** The most urgent comes first. */
const ORDER: readonly Verdict[] = ['failed', 'warning', 'skipped', 'ok'];

/** The checks of `longhaul doctor`, as the server makes them. For operators. */
export function DoctorCard() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['doctor'],
    queryFn: () => client.doctor(),
    staleTime: 60_000,
  });
  const again = (
    <Button size="compact-xs" variant="default" loading={isFetching} onClick={() => void refetch()}>
      Check again
    </Button>
  );
  return (
    <Card title="Ready for production" hint="as longhaul doctor checks it on the server">
      {data === undefined ? (
        error === null ? (
          <PageLoading />
        ) : (
          <Failed error={error} onRetry={() => void refetch()} isCompact />
        )
      ) : (
        <>
          <p className={classes['facts']}>
            {summarize(data.checks)} <span>checked</span> <Time at={data.examinedAt} /> {again}
          </p>
          <ul className={classes['checks']}>
            {data.checks
              .toSorted((one, other) => ORDER.indexOf(one.verdict) - ORDER.indexOf(other.verdict))
              .map((check) => (
                <DoctorCheck key={check.id} check={check} />
              ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function DoctorCheck({ check: { title, verdict, found, mend, docs } }: { check: DoctorCheckResource }) {
  return (
    <li>
      <Status tone={TONES[verdict]}>
        <strong>{title}</strong>
      </Status>
      <div>
        {toVisible(found)}
        {mend !== null && (
          <p className={classes['facts']}>
            <span>{toVisible(mend)}</span>
            <code className="mono">{docs}</code>
          </p>
        )}
      </div>
    </li>
  );
}

function summarize(checks: readonly DoctorCheckResource[]): string {
  return ORDER.map((verdict) => ({ verdict, count: checks.filter((check) => check.verdict === verdict).length }))
    .filter(({ count }) => count > 0)
    .map(({ verdict, count }) => `${count} ${verdict === 'warning' && count > 1 ? 'warnings' : verdict}`)
    .join(', ');
}
