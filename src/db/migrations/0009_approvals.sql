-- Tool uses that wait for a person, and the agent's questions.

create table longhaul.approvals (
  id uuid primary key,
  run_id uuid not null references longhaul.runs (id) on delete cascade,
  session_id uuid not null,
  user_id text,
  team text,
  agent text not null,
  attempt integer not null,
  tool_use_id text not null,
  kind text not null check (kind in ('tool', 'question')),
  tool text not null,
  -- Masked, as events are; the tool's own input never comes from here.
  input json not null,
  -- Of what the tool is really asked: by it a use is known again that the model makes anew.
  input_hash text not null,
  subagent text,
  status text not null default 'pending' check (status in ('pending', 'allowed', 'denied', 'expired', 'cancelled')),
  -- What the tool is to do instead; of a question the answers.
  updated_input json,
  reason text,
  decided_by text,
  decided_at timestamptz,
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null,
  -- When the decision was taken up: what it allows is done once.
  consumed_at timestamptz,
  -- The attempt and tool use that took it up.
  consumed_by text,
  -- Whether the run's log has its events, each of which it gets once.
  is_requested_told boolean not null default false,
  is_resolved_told boolean not null default false
);

create unique index approvals_by_tool_use on longhaul.approvals (run_id, tool_use_id);
create index approvals_by_user on longhaul.approvals (user_id, id desc) where user_id is not null;
create index approvals_by_team on longhaul.approvals (team, id desc) where team is not null;
create index approvals_pending on longhaul.approvals (expires_at) where status = 'pending';
