-- Lists of a million runs, by every filter and pair of filters. Each index ends with the id, and is read from its newest
-- run on (`src/run/read/select-run-ids.ts`): all columns in one direction, so that a range is compared as a row. Columns
-- after `include` are those of other filters, so that the table is not read for runs that match the first filter alone.

drop index longhaul.runs_by_status;
create index runs_by_status on longhaul.runs (status, id) include (agent, cost_micros, duration_ms);
drop index longhaul.runs_by_agent;
create index runs_by_agent on longhaul.runs (agent, status, id) include (user_id, team, cost_micros, duration_ms);
drop index longhaul.runs_by_user;
create index runs_by_user on longhaul.runs (user_id, status, id)
  include (agent, team, tenant, cost_micros, duration_ms) where user_id is not null;
drop index longhaul.runs_by_team;
create index runs_by_team on longhaul.runs (team, status, id)
  include (agent, user_id, cost_micros, duration_ms) where team is not null;
drop index longhaul.runs_by_schedule;
create index runs_by_schedule on longhaul.runs (schedule_id, status, id)
  include (agent, user_id, team, tenant, error_code, cost_micros, duration_ms) where schedule_id is not null;

drop index longhaul.runs_by_error;
create index runs_by_error on longhaul.runs (error_code, status, id) include (agent) where error_code is not null;
create index runs_by_agent_error on longhaul.runs (agent, error_code, status, id) where error_code is not null;
create index runs_by_user_error on longhaul.runs (user_id, error_code, status, id)
  where user_id is not null and error_code is not null;
create index runs_by_team_error on longhaul.runs (team, error_code, status, id)
  where team is not null and error_code is not null;

-- Held runs are counted for each queue every few seconds; without an index that reads every run.
create index runs_held on longhaul.runs (queue) where held_for is not null;

-- The marks by which lists leave out the table are set by autovacuum, by default after a fifth of the rows has changed.
alter table longhaul.runs set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02,
  autovacuum_analyze_scale_factor = 0.02);
