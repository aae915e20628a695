-- Works with version 38: servers and workers of that version go on beside new ones.

-- Agents, environments and sessions that clients of Claude Managed Agents make (src/managed).

create table longhaul.managed_agents (
  id uuid primary key,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_at timestamptz,
  -- The newest.
  version integer not null
);

create table longhaul.managed_agent_versions (
  agent_id uuid not null references longhaul.managed_agents (id) on delete cascade,
  version integer not null,
  -- As clients see it.
  agent json not null,
  created_at timestamptz not null default now(),
  primary key (agent_id, version)
);

create table longhaul.managed_environments (
  id uuid primary key,
  name text not null,
  description text,
  config json not null,
  metadata json not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_at timestamptz
);
create unique index managed_environments_by_name on longhaul.managed_environments (name) where archived_at is null;

-- Beside longhaul.sessions, which exists before the first run of such a session.
create table longhaul.managed_sessions (
  id uuid primary key references longhaul.sessions (id) on delete cascade,
  agent_id text not null,
  agent_version integer not null,
  -- A snapshot, as clients see it.
  agent json not null,
  -- What the worker makes of it (src/core/agent-definition.ts); null: the agent of the configuration as it is.
  definition json,
  environment_id text not null,
  title text,
  metadata json not null,
  -- What all runs of the session may cost together; null: no limit. Only a session that begins with a budget has one.
  budget_micros bigint,
  initial_budget_micros bigint,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_at timestamptz
);
create index managed_sessions_by_agent on longhaul.managed_sessions (agent_id, id);
create index managed_sessions_by_environment on longhaul.managed_sessions (environment_id, id);

-- Events of a session that are not of its runs: before the event `seq`, or the last, of the run that is the session's
-- `turn`, or after all of them. Written under the lock of the session, so that the next turn begins after the notes behind this one.
create table longhaul.managed_notes (
  id uuid primary key,
  position bigint generated always as identity,
  session_id uuid not null references longhaul.managed_sessions (id) on delete cascade,
  turn integer not null,
  is_after boolean not null,
  -- The event of that run that it stands before; null: the last, or none yet.
  seq integer,
  type text not null,
  data json not null,
  at timestamptz not null default clock_timestamp()
);
create index managed_notes_by_place on longhaul.managed_notes (session_id, turn, position);

-- Answers to requests that clients may repeat.
create table longhaul.managed_answers (
  owner text not null,
  hash text not null,
  status integer not null,
  body json not null,
  at timestamptz not null default now(),
  primary key (owner, hash)
);
create index managed_answers_by_time on longhaul.managed_answers (at);

-- Uses of tools that clients run are approvals of a third kind. Every row satisfies the wider constraint: it is not
-- looked through again.
alter table longhaul.approvals drop constraint approvals_kind_check;
alter table longhaul.approvals add constraint approvals_kind_check
  check (kind in ('tool', 'question', 'custom')) not valid;

-- Beside the approvals of that kind, which are read often, while these may be large.
create table longhaul.custom_tool_uses (
  approval_id uuid primary key references longhaul.approvals (id) on delete cascade,
  -- Not masked: the client runs the tool with it.
  input json not null,
  -- As the client has sent it; null until then.
  result json
);

alter table longhaul.sessions add column is_managed boolean not null default false;
-- True: when this run, the last of its session, was over, no run of the session was unfinished.
alter table longhaul.runs add column ends_idle boolean not null default false;
-- What the session's budget leaves the run, over all of its attempts; null: the run's own limits alone bound it.
alter table longhaul.runs add column session_ceiling_micros bigint;
-- True: its session is managed.
alter table longhaul.runs add column is_managed boolean not null default false;

-- The same as before, and a run learns whether its session is managed.
create or replace function longhaul.take_session_turn() returns trigger language plpgsql as $$
begin
  insert into longhaul.sessions as session (id, agent, user_id, team, tenant, last_turn)
  values (new.session_id, new.agent, new.user_id, new.team, new.tenant, 1)
  on conflict (id) do update set last_turn = session.last_turn + 1, updated_at = now()
  returning last_turn, is_managed into new.session_turn, new.is_managed;
  if new.session_turn > 1
    and exists (select from longhaul.runs where session_id = new.session_id and finished_at is null)
  then
    new.held_for = 'session';
  end if;
  return new;
end
$$;
