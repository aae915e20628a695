-- A team's users are its own: what a caller that is bound to a team names as a user is another one than a user of the same
-- name that another team has, or the application.

-- The team whose user it is; null: the application's.
alter table longhaul.runs add column tenant text;
alter table longhaul.run_events add column tenant text;
alter table longhaul.sessions add column tenant text;
alter table longhaul.approvals add column tenant text;
alter table longhaul.schedules add column tenant text;
alter table longhaul.ledger_entries add column tenant text;

/*
 * A user as limits and budgets know it: one of the application's by its name, one of a team's as `[5]northann`, with the
 * length of the team's name. No two users have one key: a name of the application's that begins with a bracket gets `[]`
 * before it. `src/run/user-key.ts` reads it back.
 */
create function longhaul.user_key(tenant text, user_id text) returns text language sql immutable
  return case when tenant is not null then '[' || length(tenant)::text || ']' || tenant || user_id
              when user_id like '[%' then '[]' || user_id else user_id end;

-- Made anew below, when all rows are as they will be.
drop index longhaul.runs_by_user;
drop index longhaul.run_events_by_user;
drop index longhaul.sessions_by_user;
drop index longhaul.approvals_by_user;
drop index longhaul.ledger_entries_by_user;

-- What keys that are bound to a team have submitted so far is that team's. Which tokens had one is not known any more.
update longhaul.runs as run set tenant = run.team
  from longhaul.api_keys as key
 where key.id = run.created_by and key.team = run.team and run.user_id is not null;
update longhaul.run_events as event set tenant = run.tenant
  from longhaul.runs as run where run.id = event.run_id and run.tenant is not null;
update longhaul.approvals as approval set tenant = run.tenant
  from longhaul.runs as run where run.id = approval.run_id and run.tenant is not null;
update longhaul.sessions as session set tenant = begun.tenant
  from (select distinct on (session_id) session_id, tenant from longhaul.runs order by session_id, session_turn) as begun
 where begun.session_id = session.id and begun.tenant is not null;
update longhaul.schedules as schedule set tenant = schedule.team
  from longhaul.api_keys as key
 where key.id = schedule.created_by and key.team = schedule.team and schedule.user_id is not null;
update longhaul.ledger_entries as entry set tenant = run.tenant
  from longhaul.runs as run where run.id = entry.run_id and run.tenant is not null;

update longhaul.budget_accounts set key = longhaul.user_key(null, key) where scope = 'user' and key like '[%';
update longhaul.budgets set key = longhaul.user_key(null, key) where scope = 'user' and key like '[%';

-- What these users have spent and set aside in the present day and month moves to accounts of their own. Of entries whose
-- run is gone it is not known who has submitted it: they count in both.
create temporary table moved on commit drop as
  with zone as (select coalesce((select zone from longhaul.cost_zone), 'UTC') as name),
  booked as (
    select tenant, user_id, true as is_known, longhaul.day_of(at, zone.name) as day, cost_micros as spent, 0 as reserved
      from longhaul.ledger_entries, zone where tenant is not null and at > now() - interval '32 days'
    union all
    select team, user_id, false, longhaul.day_of(at, zone.name), cost_micros, 0
      from longhaul.ledger_entries as entry, zone
     where tenant is null and user_id is not null and at > now() - interval '32 days'
       and team in (select team from longhaul.api_keys where team is not null)
       and not exists (select from longhaul.runs where id = entry.run_id)
    union all
    select tenant, user_id, true, reserved_on, 0, reserved_micros
      from longhaul.runs where tenant is not null and reserved_on is not null)
  select tenant, user_id, is_known, periods.period, longhaul.period_start(periods.period, booked.day) as start,
         sum(spent)::bigint as spent, sum(reserved)::bigint as reserved
    from booked cross join (values ('day'), ('month')) as periods (period)
   group by 1, 2, 3, 4, 5;
insert into longhaul.budget_accounts (scope, key, period, start, spent_micros, reserved_micros)
select 'user', longhaul.user_key(moved.tenant, moved.user_id), moved.period, moved.start,
       sum(moved.spent)::bigint, sum(moved.reserved)::bigint
  from moved join longhaul.budget_accounts as held
    on held.scope = 'user' and held.key = longhaul.user_key(null, moved.user_id)
   and held.period = moved.period and held.start = moved.start
 group by 1, 2, 3, 4;
update longhaul.budget_accounts as held
   set spent_micros = greatest(0, held.spent_micros - known.spent),
       reserved_micros = greatest(0, held.reserved_micros - known.reserved)
  from (select user_id, period, start, sum(spent)::bigint as spent, sum(reserved)::bigint as reserved
          from moved where is_known group by 1, 2, 3) as known
 where held.scope = 'user' and held.key = longhaul.user_key(null, known.user_id)
   and held.period = known.period and held.start = known.start;

-- The team comes last: the application's own users are told from others of their name without a look at the rows.
create index runs_by_user on longhaul.runs (user_id, id desc, tenant) where user_id is not null;
create index run_events_by_user on longhaul.run_events (user_id, position, tenant) where user_id is not null;
create index sessions_by_user on longhaul.sessions (user_id, id desc, tenant) where user_id is not null;
create index approvals_by_user on longhaul.approvals (user_id, id desc, tenant) where user_id is not null;
create index ledger_entries_by_user on longhaul.ledger_entries (user_id, at, tenant) where user_id is not null;

drop index longhaul.runs_held_for_user;
create index runs_held_for_user on longhaul.runs
  (longhaul.user_key(tenant, user_id), priority desc, fair_rank, id) where held_for = 'user';
drop index longhaul.runs_waiting_for_user;
create index runs_waiting_for_user on longhaul.runs
  (longhaul.user_key(tenant, user_id), priority desc, fair_rank, id) where waits_for_scope = 'user';

/* An entry is of its run's user, also once the run is gone. */
create function longhaul.name_tenant() returns trigger language plpgsql as $$
begin
  new.tenant := (select tenant from longhaul.runs where id = new.run_id);
  return new;
end
$$;

create trigger ledger_entries_name_tenant before insert on longhaul.ledger_entries for each row
  execute function longhaul.name_tenant();

-- The same as before, for the user as budgets know it.

create or replace function longhaul.reserve_budget(run uuid, amount bigint, rules json, zone text) returns json
language plpgsql as $$
declare
  today date := longhaul.day_of(clock_timestamp(), zone);
  owner record;
  account record;
  given bigint;
begin
  select longhaul.user_key(runs.tenant, runs.user_id) as user_id, runs.team, runs.reserved_micros, runs.reserved_on
    into owner from longhaul.runs where id = run;
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

create or replace function longhaul.spend_budget(run uuid, spent bigint, is_over boolean, zone text) returns void
language plpgsql as $$
declare
  owner record;
  day date;
  given bigint;
begin
  select longhaul.user_key(runs.tenant, runs.user_id) as user_id, runs.team, runs.reserved_micros, runs.reserved_on
    into owner from longhaul.runs where id = run;
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

create or replace function longhaul.reserve_budgets(runs uuid[], amounts bigint[], rules json, zone text)
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
    select longhaul.user_key(made.tenant, made.user_id) as user_id, made.team, sum(asked.amount)::bigint as amount
      from unnest(runs, amounts) as asked (id, amount) join longhaul.runs as made using (id)
     group by 1, 2)
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
     select from longhaul.budget_caps(longhaul.user_key(made.tenant, made.user_id), made.team, today, rules) as caps where caps.cap is not null);
end $$;

-- The same as before, with the team whose user a conversation is of.

create or replace function longhaul.take_session_turn() returns trigger language plpgsql as $$
begin
  insert into longhaul.sessions as session (id, agent, user_id, team, tenant, last_turn)
  values (new.session_id, new.agent, new.user_id, new.team, new.tenant, 1)
  on conflict (id) do update set last_turn = session.last_turn + 1, updated_at = now()
  returning last_turn into new.session_turn;
  if new.session_turn > 1
    and exists (select from longhaul.runs where session_id = new.session_id and finished_at is null)
  then
    new.held_for = 'session';
  end if;
  return new;
end
$$;
