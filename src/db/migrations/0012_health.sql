-- The runs that ask whether the agent is well: the one under way or done last, and the one before.
create table longhaul.agent_checks (
  is_one boolean primary key default true check (is_one),
  run_id uuid,
  earlier_run_id uuid,
  begun_at timestamptz not null
);
