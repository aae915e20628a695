-- Totals of everything that ever happened, for the counters of `/metrics`: right after a restart, and without a scan.

-- What happened in a range of time: runs that ended, attempts that ended, attempts that were lost, cost in millionths of
-- a dollar, and tokens. `first_at` is the time of the first.
create function longhaul.metrics_in(since timestamptz, until timestamptz)
returns table (name text, agent text, model text, kind text, code text, amount bigint, first_at timestamptz)
language sql stable as $$
  select 'runs', run.agent, '', run.status, case run.status when 'failed' then coalesce(run.error_code, '') else '' end,
         count(*), min(run.finished_at)
    from longhaul.runs as run
   where run.finished_at >= since and run.finished_at < until
   group by 2, 4, 5
   union all
  select 'attempts', entry.agent, '',
         case when entry.outcome = 'failed' and entry.concludes is null then 'retried' else entry.outcome end, '',
         count(*), min(entry.at)
    from longhaul.ledger_entries as entry
   where entry.at >= since and entry.at < until and entry.position = 0
   group by 2, 4
   union all
  select 'lost', coalesce(attempt.agent, ''), '', '', '', count(*), min(attempt.lost_at)
    from longhaul.attempts as attempt
   where attempt.lost_at >= since and attempt.lost_at < until
   group by 2
   union all
  select measure.name, entry.agent, coalesce(entry.model, ''), measure.kind, '', sum(measure.amount)::bigint, min(entry.at)
    from longhaul.ledger_entries as entry
   cross join lateral (values
     ('cost', '', entry.cost_micros),
     ('tokens', 'input', entry.input_tokens),
     ('tokens', 'output', entry.output_tokens),
     ('tokens', 'cache_read', entry.cache_read_tokens),
     ('tokens', 'cache_write_5m', entry.cache_creation_tokens - entry.cache_creation_1h_tokens),
     ('tokens', 'cache_write_1h', entry.cache_creation_1h_tokens),
     -- Only entries that have both, so that the two sums can be compared.
     ('compared', 'sdk', case when entry.own_cost_micros is not null then entry.sdk_cost_micros end),
     ('compared', 'longhaul', case when entry.sdk_cost_micros is not null then entry.own_cost_micros end)
   ) as measure (name, kind, amount)
   where entry.at >= since and entry.at < until and measure.amount is not null
   group by 1, 2, 3, 4
$$;

-- The sums until `metric_progress.counted_until`. The number of rows depends on the agents and models, not on the runs.
create table longhaul.metric_totals (
  name text not null,
  agent text not null,
  model text not null,
  kind text not null,
  code text not null,
  amount bigint not null,
  primary key (name, agent, model, kind, code)
);

-- One row: the process that has locked it adds what happened since.
create table longhaul.metric_progress (counted_until timestamptz not null);
create unique index metric_progress_is_one on longhaul.metric_progress ((true));

-- A transaction that began more than a quarter of an hour ago does not commit any more.
insert into longhaul.metric_progress (counted_until) values (date_trunc('minute', now() - interval '15 minutes'));
insert into longhaul.metric_totals (name, agent, model, kind, code, amount)
select name, agent, model, kind, code, sum(amount)
  from longhaul.metrics_in('-infinity', (select counted_until from longhaul.metric_progress))
 group by 1, 2, 3, 4, 5;
