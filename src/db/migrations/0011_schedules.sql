-- Runs that are submitted by the clock, and many at once.

create table longhaul.schedules (
  id uuid primary key,
  name text,
  agent text not null,
  prompt text not null,
  -- Five fields, or a name such as @daily, on the clocks of the time zone.
  cron text not null,
  time_zone text not null,
  user_id text,
  team text,
  metadata json not null,
  priority integer not null,
  requested_limits json not null,
  webhook_url text,
  -- What becomes of ticks that no server was there for.
  missed text not null check (missed in ('skip', 'once', 'all')),
  -- The API key its runs belong to.
  created_by uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  paused_at timestamptz,
  paused_reason text check (paused_reason in ('by_hand', 'key_revoked')),
  -- Null: paused, or no tick is left.
  next_at timestamptz,
  last_at timestamptz,
  last_run_id uuid,
  -- Why the last tick has made no run: { code, message, at }.
  last_error json,
  check ((paused_at is null) = (paused_reason is null)),
  check (paused_at is null or next_at is null)
);
create index schedules_due on longhaul.schedules (next_at) where next_at is not null;
create index schedules_by_user on longhaul.schedules (user_id, id) where user_id is not null;
create index schedules_by_team on longhaul.schedules (team, id) where team is not null;
create index schedules_by_key on longhaul.schedules (created_by) where paused_at is null;

alter table longhaul.runs
  add column schedule_id uuid,
  -- The tick; null: triggered by hand.
  add column scheduled_for timestamptz;
create index runs_by_schedule on longhaul.runs (schedule_id, id) where schedule_id is not null;
-- The schedule's row is locked while its tick is made; this holds whatever else may go wrong.
create unique index runs_once_a_tick on longhaul.runs (schedule_id, scheduled_for) where scheduled_for is not null;

/*
 * Sets aside money for runs that this transaction has made, all of which are new: in few statements where there is room
 * for all of them, else one after the other. Returns those that are left out, each with the account that is full.
 *
 * Accounts are locked in the order of reserve_budget.
 */
create function longhaul.reserve_budgets(runs uuid[], amounts bigint[], rules json, zone text)
returns table (run uuid, full_budget json) language plpgsql as $$
declare
  today date := longhaul.day_of(clock_timestamp(), zone);
  wanted json;
  item record;
  taken bigint;
  is_full boolean := false;
begin
  -- What is asked of each account, by those runs alone that any limit holds for.
  with asked as (
    select made.user_id, made.team, sum(asked.amount)::bigint as amount
      from unnest(runs, amounts) as asked (id, amount) join longhaul.runs as made using (id)
     group by made.user_id, made.team)
  select json_agg(account) into wanted from (
    select capped.scope, capped.key, capped.period, capped.start, capped.cap, sum(capped.amount)::bigint as amount
      from (select caps.*, asked.amount, bool_or(caps.cap is not null) over (partition by asked.user_id, asked.team) as is_any
              from asked cross join lateral longhaul.budget_caps(asked.user_id, asked.team, today, rules) as caps) as capped
     where capped.is_any
     group by capped.scope, capped.key, capped.period, capped.start, capped.cap) as account;
  if wanted is null then
    return;
  end if;
  -- One at a time, by their key: joined, thousands of them are compared with each other.
  for item in select asked.* from json_to_recordset(wanted)
                as asked (scope text, key text, period text, start date, cap bigint, amount bigint)
               order by asked.scope desc, asked.key, asked.period, asked.start loop
    insert into longhaul.budget_accounts (scope, key, period, start)
    values (item.scope, item.key, item.period, item.start) on conflict do nothing;
    select held.spent_micros + held.reserved_micros into taken from longhaul.budget_accounts as held
     where held.scope = item.scope and held.key = item.key and held.period = item.period and held.start = item.start
       for update;
    is_full := is_full or coalesce(item.cap < taken + item.amount, false);
  end loop;
  if is_full then
    for item in select asked.id, asked.amount from unnest(runs, amounts) with ordinality as asked (id, amount, place)
                 order by asked.place loop
      full_budget := longhaul.reserve_budget(item.id, item.amount, rules, zone);
      run := item.id;
      if full_budget ->> 'scope' is not null then
        return next;
      end if;
    end loop;
    return;
  end if;
  for item in select asked.* from json_to_recordset(wanted)
                as asked (scope text, key text, period text, start date, amount bigint) loop
    update longhaul.budget_accounts as held set reserved_micros = held.reserved_micros + item.amount
     where held.scope = item.scope and held.key = item.key and held.period = item.period and held.start = item.start;
  end loop;
  update longhaul.runs as made set reserved_micros = asked.amount, reserved_on = today
    from unnest(runs, amounts) as asked (id, amount)
   where made.id = asked.id and exists (
     select from longhaul.budget_caps(made.user_id, made.team, today, rules) as caps where caps.cap is not null);
end $$;
