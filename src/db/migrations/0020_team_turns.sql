-- Runs are taken in turn by team, and within a team by user.

/* The line that a run stands in within its queue: its team's, or that of its user who is of no team. */
create function longhaul.line_of(team text, user_id text) returns text language sql immutable
  return coalesce('t' || team, 'u' || coalesce(user_id, ''));

-- Its place among the runs of its team: each user's first, then each one's second, and so on.
alter table longhaul.runs add column team_rank bigint not null default 0;

drop index longhaul.runs_in_line_by_user;
create index runs_in_line_by_owner on longhaul.runs (queue, longhaul.line_of(team, user_id), fair_rank)
  where status = 'queued' and start_after is null;

-- Those of a team that may have its next turn.
create index runs_next_of_team on longhaul.runs (queue, team, priority, team_rank, id)
  where status = 'queued' and start_after is null and team is not null and held_for is null and attempt = 0;
create index runs_in_line_by_member on longhaul.runs (queue, team, priority, (coalesce(user_id, '')), team_rank)
  where status = 'queued' and start_after is null and team is not null;

-- What keys that are bound to a user or a team have scheduled goes before others' no more.
update longhaul.schedules as schedule set priority = 0
  from longhaul.api_keys as key
 where key.id = schedule.created_by and (key.user_id is not null or key.team is not null) and not 'admin' = any(key.scopes)
   and schedule.priority > 0;
