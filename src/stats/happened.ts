import { sql, type RawBuilder } from 'kysely';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import { isSeenBy, type Viewer } from '../run/viewer.ts';

interface Stretch {
  readonly viewer: Viewer;
  /** SQL: start (inclusive). */
  readonly since: RawBuilder<unknown>;
  /** SQL: end (exclusive). */
  readonly until: RawBuilder<unknown>;
}

/** Allowed difference between the clock that makes ids and the clock of the database. */
const CLOCK_SLACK = sql`interval '5 minutes'`;

/**
 * SQL: the counts of a range of time by minute, `(start, agent, team, kind, code, amount)`. Runs of the health check
 * are not counted, but their cost is.
 */
export function countsIn({ viewer, since, until }: Stretch): RawBuilder<unknown> {
  return sql`
    select date_trunc('minute', created_at) as start, agent, coalesce(team, '') as team, 'submitted' as kind, '' as code,
           count(*) as amount
      from longhaul.runs
     where id >= longhaul.least_id(${since} - ${CLOCK_SLACK}) and id < longhaul.least_id(${until} + ${CLOCK_SLACK})
       and created_at >= ${since} and created_at < ${until} and agent <> ${HEALTH_AGENT} and ${isSeenBy(viewer)}
     group by 1, 2, 3
     union all
    select date_trunc('minute', finished_at), agent, coalesce(team, ''), status,
           case status when 'failed' then coalesce(error_code, '') else '' end, count(*)
      from longhaul.runs
     where finished_at >= ${since} and finished_at < ${until} and agent <> ${HEALTH_AGENT} and ${isSeenBy(viewer)}
     group by 1, 2, 3, 4, 5
     union all
    select date_trunc('minute', at), agent, coalesce(team, ''), 'cost', '', sum(cost_micros)::bigint
      from longhaul.ledger_entries
     where at >= ${since} and at < ${until} and ${isSeenBy(viewer)}
     group by 1, 2, 3 having sum(cost_micros) > 0`;
}

/** SQL: waits and durations of the runs that ended in a range of time, `(start, agent, team, kind, bucket, runs)`. */
export function timesIn({ viewer, since, until }: Stretch): RawBuilder<unknown> {
  return sql`
    select date_trunc('minute', finished_at) as start, agent, coalesce(team, '') as team, time.kind,
           longhaul.bucket_of(time.ms) as bucket, count(*) as runs
      from longhaul.runs
     cross join lateral (values
       ('wait', 1000 * extract(epoch from started_at - greatest(created_at, start_after))::float8),
       ('duration', duration_ms::float8)) as time (kind, ms)
     where finished_at >= ${since} and finished_at < ${until} and agent <> ${HEALTH_AGENT} and ${isSeenBy(viewer)}
       and time.ms is not null
     group by 1, 2, 3, 4, 5`;
}
