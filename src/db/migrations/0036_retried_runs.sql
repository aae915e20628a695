-- Runs that another run retries: few among many, so they are listed from an index of their own, with the columns of all
-- filters. A trigger sets the mark, so that servers of an earlier version set it too.

alter table longhaul.runs add column is_retried boolean not null default false;
update longhaul.runs set is_retried = true where id in (select retry_of from longhaul.runs where retry_of is not null);

create index runs_retried on longhaul.runs (id)
  include (status, agent, user_id, team, tenant, error_code, schedule_id, cost_micros, duration_ms) where is_retried;

create function longhaul.note_retry() returns trigger language plpgsql as $$
begin
  update longhaul.runs set is_retried = true where id = new.retry_of and not is_retried;
  return null;
end $$;
create trigger runs_note_retry after insert on longhaul.runs
  for each row when (new.retry_of is not null) execute function longhaul.note_retry();
