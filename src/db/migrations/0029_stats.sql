-- What happened in each minute and quarter of an hour, so that a year of it is drawn as quickly as a day.

-- By kind: runs `submitted`, `succeeded`, `failed` (by error code) and `cancelled`, and `cost` in millionths of a dollar.
create table longhaul.stat_counts (
  step text not null check (step in ('minute', 'quarter')),
  start timestamptz not null,
  agent text not null,
  -- Empty: runs without a team.
  team text not null,
  kind text not null,
  code text not null,
  amount bigint not null,
  primary key (step, start, agent, team, kind, code)
);

-- How long runs that ended then had waited for a worker, and how long their attempts took: how many in each bucket.
create table longhaul.stat_times (
  step text not null check (step in ('minute', 'quarter')),
  start timestamptz not null,
  agent text not null,
  team text not null,
  kind text not null check (kind in ('wait', 'duration')),
  bucket smallint not null,
  runs bigint not null,
  primary key (step, start, agent, team, kind, bucket)
);

-- How queues and workers stood, once a minute.
create table longhaul.queue_samples (
  at timestamptz not null,
  queue text not null,
  waiting integer not null,
  delayed integer not null,
  held integer not null,
  oldest_wait_ms bigint,
  primary key (at, queue)
);
create table longhaul.slot_samples (
  at timestamptz primary key,
  workers integer not null,
  slots integer not null,
  running integer not null
);

-- Up to when this is done. One row: who has locked it does what is due.
create table longhaul.stat_progress (
  minutes_until timestamptz not null,
  quarters_until timestamptz not null,
  sampled_at timestamptz not null
);
create unique index stat_progress_is_one on longhaul.stat_progress ((true));
insert into longhaul.stat_progress (minutes_until, quarters_until, sampled_at)
select since, since, '-infinity'
  from (select date_bin('15 minutes', least(now() - interval '15 minutes', coalesce(min(finished_at), now())), 'epoch') as since
          from longhaul.runs where finished_at > now() - interval '90 days') as first;

/* Four buckets for each doubling of a duration in milliseconds: whatever is in one differs by less than a fifth. */
create function longhaul.bucket_of(ms double precision) returns smallint language sql immutable parallel safe as $$
  select case when ms < 1 then 0 else least(128, 1 + floor(4 * ln(ms) / ln(2)))::smallint end
$$;

/* The least id that may have been made at a time: ids begin with the milliseconds of it (RFC 9562, 5.7). */
create function longhaul.least_id(at timestamptz) returns uuid language sql immutable parallel safe as $$
  select (lpad(to_hex(greatest(0, floor(extract(epoch from at) * 1000))::bigint), 12, '0') || '00000000000000000000')::uuid
$$;
