-- Works with version 38: servers and workers of that version go on beside new ones.

-- Deployments of clients of Claude Managed Agents (src/managed/deployments): sessions that the clock starts, or a request.
-- They are no rows of longhaul.schedules: a server of the version before would submit a run at their ticks, and its routes
-- would change them.
create table longhaul.managed_deployments (
  id uuid primary key,
  name text not null,
  description text,
  agent_id text not null,
  agent_version integer not null,
  environment_id text not null,
  -- As the client has sent them.
  initial_events json not null,
  metadata json not null,
  -- The budget of each session; null: none.
  budget_micros bigint,
  user_id text,
  team text,
  tenant text,
  -- Whom the caller who has set the events was bound to: the files in them are those that it sees.
  viewer_user text,
  viewer_team text,
  -- The API key its runs belong to.
  created_by uuid not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  archived_at timestamptz,
  -- From here on as in longhaul.schedules. Null: it starts sessions on request only.
  cron text,
  time_zone text,
  missed text not null default 'once' check (missed in ('skip', 'once', 'all')),
  paused_at timestamptz,
  paused_reason text check (paused_reason in (
    'by_hand', 'key_revoked', 'agent_archived', 'environment_archived', 'environment_not_found')),
  -- Null: paused, archived, or no tick is left.
  next_at timestamptz,
  last_at timestamptz,
  -- When the last tick that has started a session did so.
  last_run_at timestamptz,
  check ((cron is null) = (time_zone is null)),
  check ((paused_at is null) = (paused_reason is null)),
  check (next_at is null or (cron is not null and paused_at is null and archived_at is null))
);
create index managed_deployments_due on longhaul.managed_deployments (next_at) where next_at is not null;
create index managed_deployments_by_agent on longhaul.managed_deployments (agent_id, id);
create index managed_deployments_by_user on longhaul.managed_deployments (user_id, id) where user_id is not null;
create index managed_deployments_by_team on longhaul.managed_deployments (team, id) where team is not null;
create index managed_deployments_by_key on longhaul.managed_deployments (created_by) where paused_at is null;

-- Each attempt of a deployment to start a session.
create table longhaul.managed_deployment_runs (
  id uuid primary key,
  deployment_id uuid not null references longhaul.managed_deployments (id) on delete cascade,
  agent_id text not null,
  agent_version integer not null,
  -- The tick; null: requested.
  scheduled_at timestamptz,
  -- Stays when the session is deleted.
  session_id uuid,
  -- Why no session was started: { type, message }.
  error json,
  created_at timestamptz not null default clock_timestamp(),
  check ((session_id is null) <> (error is null))
);
create index managed_deployment_runs_by_deployment on longhaul.managed_deployment_runs (deployment_id, id);
-- The deployment's row is locked while its tick is made; this holds whatever else may go wrong.
create unique index managed_deployment_runs_once_a_tick on longhaul.managed_deployment_runs (deployment_id, scheduled_at)
  where scheduled_at is not null;

-- The deployment that has started the session.
alter table longhaul.managed_sessions add column deployment_id uuid;
create index managed_sessions_by_deployment on longhaul.managed_sessions (deployment_id, id)
  where deployment_id is not null;
