-- Money: a ledger by attempt and model, its sums by day and month, budgets with what is set aside, and runs that wait.

alter table longhaul.runs add column team text;
create index runs_by_team on longhaul.runs (team, id desc) where team is not null;

-- What the run has set aside in its budgets, and the day it counts for there; null: nothing is set aside.
alter table longhaul.runs add column reserved_micros bigint not null default 0;
alter table longhaul.runs add column reserved_on date;

-- Its place among the runs of all users: each user's first, then each one's second, and so on.
alter table longhaul.runs add column fair_rank bigint not null default 0;
create index runs_in_line on longhaul.runs (queue, fair_rank) where status = 'queued' and start_after is null;
create index runs_in_line_by_user on longhaul.runs (queue, coalesce(user_id, ''), fair_rank)
  where status = 'queued' and start_after is null;

-- A queued run without a message: as many run already as may at once. `user`, `agent` or `all` says of what.
alter table longhaul.runs add column held_for text;
create index runs_held_for_user on longhaul.runs (user_id, priority desc, fair_rank, id) where held_for = 'user';
create index runs_held_for_agent on longhaul.runs (agent, priority desc, fair_rank, id) where held_for = 'agent';
create index runs_held_for_all on longhaul.runs (priority desc, fair_rank, id) where held_for = 'all';

-- Since when it waits, how long it has waited for what had a time of its own, and how often for what had none.
alter table longhaul.runs add column parked_at timestamptz;
alter table longhaul.runs add column parked_ms bigint not null default 0;
alter table longhaul.runs add column unnamed_parks integer not null default 0;
create index runs_waiting on longhaul.runs (waiting_for, id) where status = 'waiting';

-- Whose budget it waits for: money that another run gives back may be enough.
alter table longhaul.runs add column waits_for_scope text;
create index runs_waiting_for_user on longhaul.runs (user_id, priority desc, fair_rank, id) where waits_for_scope = 'user';
create index runs_waiting_for_team on longhaul.runs (team, priority desc, fair_rank, id) where waits_for_scope = 'team';
create index runs_waiting_for_all on longhaul.runs (priority desc, fair_rank, id) where waits_for_scope = 'global';

-- Append-only: what each attempt cost, model by model. One that asked no model has an entry without one.
create table longhaul.ledger_entries (
  attempt_id uuid not null,
  position integer not null,
  run_id uuid not null,
  attempt integer not null,
  agent text not null,
  user_id text,
  team text,
  model text,
  -- How the attempt ended, and, for the attempt that ended its run, how the run did.
  outcome text not null,
  concludes text,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  -- All cache writes; those for an hour are a part of them.
  cache_creation_tokens bigint not null default 0,
  cache_creation_1h_tokens bigint not null default 0,
  -- A part of the output; null where the provider does not say.
  thinking_tokens bigint,
  web_searches bigint not null default 0,
  -- What is charged; the Agent SDK's figure; and ours from a list of prices. Null: not known, never nothing.
  cost_micros bigint not null check (cost_micros >= 0),
  sdk_cost_micros bigint,
  own_cost_micros bigint,
  -- Of the whole attempt, on its first entry.
  duration_ms bigint not null default 0,
  at timestamptz not null default now(),
  primary key (attempt_id, position)
);

insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, model, outcome, concludes,
  input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cost_micros, duration_ms, at)
select old.attempt_id, 0, old.run_id, old.attempt, old.agent, old.user_id,
       (select key from json_each(old.models) limit 1), old.outcome,
       case when old.attempt = (select max(attempt) from longhaul.ledger where run_id = old.run_id)
             and old.outcome in ('succeeded', 'failed', 'cancelled') then old.outcome end,
       old.input_tokens, old.output_tokens, old.cache_read_tokens, old.cache_creation_tokens, old.cost_micros,
       old.duration_ms, old.at
  from longhaul.ledger as old;
drop table longhaul.ledger;

create index ledger_entries_by_run on longhaul.ledger_entries (run_id);
create index ledger_entries_by_time on longhaul.ledger_entries (at);

-- Sums of the ledger, written with each entry: by calendar day and month, over all (`total`) and by each dimension.
create table longhaul.cost_rollups (
  dimension text not null check (dimension in ('total', 'user', 'team', 'agent', 'model')),
  period text not null check (period in ('day', 'month')),
  start date not null,
  -- Empty: the total, and entries without a user, a team or a model.
  key text not null,
  runs bigint not null,
  succeeded_runs bigint not null,
  attempts bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_creation_tokens bigint not null,
  cache_creation_1h_tokens bigint not null,
  thinking_tokens bigint not null,
  cost_micros bigint not null,
  -- Of attempts that another one followed.
  retried_micros bigint not null,
  own_cost_micros bigint not null,
  -- What was charged for entries that our list has no price for: where it is not 0, our sum is not whole.
  unpriced_micros bigint not null,
  unpriced_entries bigint not null,
  -- Both figures of the entries that have both: what they differ by is the drift.
  compared_sdk_micros bigint not null,
  compared_own_micros bigint not null,
  primary key (dimension, period, start, key)
);

-- What users, teams and all together have spent and set aside in a day or month of the budgets' time zone.
create table longhaul.budget_accounts (
  scope text not null check (scope in ('user', 'team', 'global')),
  key text not null,
  period text not null check (period in ('day', 'month')),
  start date not null,
  spent_micros bigint not null default 0,
  reserved_micros bigint not null default 0,
  primary key (scope, key, period, start)
);

-- Budgets that operators have changed, for one user, one team or all. They stand above the configuration.
create table longhaul.budgets (
  scope text not null check (scope in ('user', 'team', 'global')),
  key text not null,
  day_micros bigint,
  month_micros bigint,
  updated_at timestamptz not null default now(),
  primary key (scope, key)
);

-- Limits that a provider has named, or that its errors suggest, for an account of ours and one of its models.
create table longhaul.provider_limits (
  account text not null,
  -- `*`: all of them.
  model text not null,
  kind text not null check (kind in ('rate_limit', 'overloaded')),
  message text not null,
  since timestamptz not null default clock_timestamp(),
  until timestamptz not null,
  -- Answers in a row that said so.
  strikes integer not null default 1,
  -- After `until` one run at a time tries, no sooner than this.
  next_probe_at timestamptz not null,
  primary key (account, model)
);

-- The rate limiter's own table: `rate-limiter-flexible` on PostgreSQL. Unlogged: a count is over in a minute, and a crash
-- may forget it; every submission would wait for the disk once more.
create unlogged table longhaul.rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);

create function longhaul.day_of(at timestamptz, zone text) returns date language sql stable
  return (at at time zone zone)::date;

create function longhaul.period_start(period text, day date) returns date language sql immutable
  return case period when 'month' then date_trunc('month', day::timestamp)::date else day end;

/* The accounts a run counts for on a day, with what stands on them at most; null: no limit. Users before all. */
create function longhaul.budget_caps(user_id text, team text, day date, rules json)
returns table (scope text, key text, period text, start date, cap bigint) language sql stable as $$
  select owner.scope, owner.key, periods.period, longhaul.period_start(periods.period, day),
         case periods.period
           when 'day' then coalesce(changed.day_micros, (rules -> owner.scope ->> 'dayMicros')::bigint)
           else coalesce(changed.month_micros, (rules -> owner.scope ->> 'monthMicros')::bigint) end
    from (values ('user', user_id), ('team', team), ('global', '')) as owner (scope, key)
   cross join (values ('day'), ('month')) as periods (period)
    left join longhaul.budgets as changed on changed.scope = owner.scope and changed.key = owner.key
   where owner.key is not null
$$;

/*
 * Sets `amount` aside for a run in all accounts it counts for, today, or in none of them. Returns null when it did,
 * `{}` with nothing written when no account has a limit, and else the first account that is full. What the run had set
 * aside before is given back with it: on an earlier day, if need be.
 *
 * Accounts are locked in one order everywhere, by scope from `user` to `global`, key, period and day. Of two that reserve
 * at once the second waits for the first, and then sees what it has taken. The caller has locked the run's row.
 */
create function longhaul.reserve_budget(run uuid, amount bigint, rules json, zone text) returns json
language plpgsql as $$
declare
  today date := longhaul.day_of(clock_timestamp(), zone);
  owner record;
  account record;
  given bigint;
begin
  select runs.user_id, runs.team, runs.reserved_micros, runs.reserved_on into owner from longhaul.runs where id = run;
  if owner.reserved_on is null and not exists (
    select from longhaul.budget_caps(owner.user_id, owner.team, today, rules) where cap is not null) then
    return '{}';
  end if;
  insert into longhaul.budget_accounts (scope, key, period, start)
  select scope, key, period, start from longhaul.budget_caps(owner.user_id, owner.team, today, rules)
   order by scope desc, key, period, start
  on conflict do nothing;
  for account in
    select held.*, wanted.cap, wanted.start is not null as is_wanted
      from longhaul.budget_accounts as held
      left join longhaul.budget_caps(owner.user_id, owner.team, today, rules) as wanted using (scope, key, period, start)
     where (held.scope, held.key) in (('user', owner.user_id), ('team', owner.team), ('global', ''))
       and (wanted.start is not null or held.start = longhaul.period_start(held.period, owner.reserved_on))
     order by held.scope desc, held.key, held.period, held.start
       for update of held
  loop
    given := case when account.start = longhaul.period_start(account.period, owner.reserved_on)
             then owner.reserved_micros else 0 end;
    if account.is_wanted and account.cap < account.spent_micros + account.reserved_micros - given + amount then
      return json_build_object('scope', account.scope, 'key', account.key, 'period', account.period,
        'capMicros', account.cap, 'spentMicros', account.spent_micros, 'reservedMicros', account.reserved_micros - given,
        'resetsAt', (account.start + case account.period when 'day' then interval '1 day' else interval '1 month' end)
                    at time zone zone);
    end if;
  end loop;
  update longhaul.budget_accounts as held
     set reserved_micros = greatest(0, held.reserved_micros
           - case when held.start = longhaul.period_start(held.period, owner.reserved_on) then owner.reserved_micros else 0 end
           + case when held.start = longhaul.period_start(held.period, today) then amount else 0 end)
   where (held.scope, held.key) in (('user', owner.user_id), ('team', owner.team), ('global', ''))
     and held.start in (longhaul.period_start(held.period, owner.reserved_on), longhaul.period_start(held.period, today));
  update longhaul.runs set reserved_micros = amount, reserved_on = today where id = run;
  return null;
end $$;

/*
 * Books what an attempt of a run has spent, on the day for which its run had set money aside, or today; and gives back
 * as much of what was set aside, or, when the run is over, all of it. The caller has locked the run's row.
 */
create function longhaul.spend_budget(run uuid, spent bigint, is_over boolean, zone text) returns void
language plpgsql as $$
declare
  owner record;
  day date;
  given bigint;
begin
  select runs.user_id, runs.team, runs.reserved_micros, runs.reserved_on into owner from longhaul.runs where id = run;
  given := case when owner.reserved_on is null then 0
                when is_over then owner.reserved_micros else least(owner.reserved_micros, spent) end;
  if spent > 0 or given > 0 then
    day := coalesce(owner.reserved_on, longhaul.day_of(clock_timestamp(), zone));
    insert into longhaul.budget_accounts as held (scope, key, period, start, spent_micros)
    select scope, key, period, start, spent from longhaul.budget_caps(owner.user_id, owner.team, day, '{}')
     order by scope desc, key, period, start
    on conflict (scope, key, period, start) do update
       set spent_micros = held.spent_micros + excluded.spent_micros,
           reserved_micros = greatest(0, held.reserved_micros - given);
  end if;
  if owner.reserved_on is not null then
    update longhaul.runs
       set reserved_micros = owner.reserved_micros - given, reserved_on = case when is_over then null else reserved_on end
     where id = run;
  end if;
end $$;

/* Adds entries to the sums, in one order of keys: of two that do so at once the second waits. */
create function longhaul.sum_up(entries longhaul.ledger_entries[], zone text) returns void language sql as $$
  with counted as (
    select place.dimension, place.key, periods.period,
           longhaul.period_start(periods.period, longhaul.day_of(entry.at, zone)) as start,
           -- The attempt as a whole is counted on its first entry, but once for each of its models.
           (entry.position = 0 or place.dimension = 'model') as is_first, entry.*
      from unnest(entries) as entry
     cross join lateral (values ('total', ''), ('user', coalesce(entry.user_id, '')), ('team', coalesce(entry.team, '')),
                                ('agent', entry.agent), ('model', coalesce(entry.model, ''))) as place (dimension, key)
     cross join (values ('day'), ('month')) as periods (period))
  insert into longhaul.cost_rollups as sum (dimension, period, start, key, runs, succeeded_runs, attempts,
    input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens, thinking_tokens,
    cost_micros, retried_micros, own_cost_micros, unpriced_micros, unpriced_entries, compared_sdk_micros,
    compared_own_micros)
  select dimension, period, start, key, count(*) filter (where is_first and concludes is not null),
    count(*) filter (where is_first and concludes = 'succeeded'), count(*) filter (where is_first),
    sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_creation_tokens),
    sum(cache_creation_1h_tokens), sum(coalesce(thinking_tokens, 0)), sum(cost_micros),
    coalesce(sum(cost_micros) filter (where concludes is null and outcome = 'failed'), 0), sum(coalesce(own_cost_micros, 0)),
    coalesce(sum(cost_micros) filter (where own_cost_micros is null), 0),
    count(*) filter (where own_cost_micros is null and model is not null),
    coalesce(sum(sdk_cost_micros) filter (where own_cost_micros is not null), 0),
    coalesce(sum(own_cost_micros) filter (where sdk_cost_micros is not null), 0)
    from counted group by dimension, period, start, key order by dimension desc, period, start, key
  on conflict (dimension, period, start, key) do update set
    runs = sum.runs + excluded.runs, succeeded_runs = sum.succeeded_runs + excluded.succeeded_runs,
    attempts = sum.attempts + excluded.attempts, input_tokens = sum.input_tokens + excluded.input_tokens,
    output_tokens = sum.output_tokens + excluded.output_tokens,
    cache_read_tokens = sum.cache_read_tokens + excluded.cache_read_tokens,
    cache_creation_tokens = sum.cache_creation_tokens + excluded.cache_creation_tokens,
    cache_creation_1h_tokens = sum.cache_creation_1h_tokens + excluded.cache_creation_1h_tokens,
    thinking_tokens = sum.thinking_tokens + excluded.thinking_tokens, cost_micros = sum.cost_micros + excluded.cost_micros,
    retried_micros = sum.retried_micros + excluded.retried_micros,
    own_cost_micros = sum.own_cost_micros + excluded.own_cost_micros,
    unpriced_micros = sum.unpriced_micros + excluded.unpriced_micros,
    unpriced_entries = sum.unpriced_entries + excluded.unpriced_entries,
    compared_sdk_micros = sum.compared_sdk_micros + excluded.compared_sdk_micros,
    compared_own_micros = sum.compared_own_micros + excluded.compared_own_micros
$$;

/* Adds entries to the ledger, and to its sums. */
create function longhaul.post_entries(entries json, zone text) returns void language sql as $$
  with entry as (
    insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, model, outcome,
      concludes, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens,
      thinking_tokens, web_searches, cost_micros, sdk_cost_micros, own_cost_micros, duration_ms)
    select attempt_id, position, run_id, attempt, agent, user_id, team, model, outcome,
      concludes, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens,
      thinking_tokens, web_searches, cost_micros, sdk_cost_micros, own_cost_micros, duration_ms
      from json_populate_recordset(null::longhaul.ledger_entries, entries)
    returning *)
  select longhaul.sum_up(array_agg(entry::longhaul.ledger_entries), zone) from entry
$$;

-- The time zone by whose days the sums were made.
create table longhaul.cost_zone (zone text not null);
create unique index cost_zone_is_one on longhaul.cost_zone ((true));
