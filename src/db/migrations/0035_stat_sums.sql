-- Sums of whole hours and days over all teams, in the configured time zone: their number depends on the agents and codes,
-- not on the runs. The roll-ups of quarters of an hour have a row for nearly each run, and fit every time zone.

create table longhaul.stat_count_sums (
  step text not null check (step in ('hour', 'day')),
  start timestamptz not null,
  agent text not null,
  kind text not null,
  code text not null,
  amount bigint not null,
  primary key (step, start, agent, kind, code)
);

create table longhaul.stat_time_sums (
  step text not null check (step in ('hour', 'day')),
  -- Empty: all agents together.
  agent text not null,
  start timestamptz not null,
  kind text not null check (kind in ('wait', 'duration')),
  bucket smallint not null,
  runs bigint not null,
  primary key (step, agent, start, kind, bucket)
);

-- Old sums are deleted by their time.
create index stat_time_sums_by_start on longhaul.stat_time_sums (start);

alter table longhaul.stat_progress
  add column hours_until timestamptz not null default '-infinity',
  add column days_until timestamptz not null default '-infinity',
  -- The time zone of the sums; null: there are none.
  add column sums_zone text;
