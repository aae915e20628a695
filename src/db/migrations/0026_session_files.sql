-- Large results of tools that a conversation names: Claude Code keeps them beside its transcript.
create table longhaul.session_files (
  session_id uuid not null references longhaul.sessions (id) on delete cascade,
  name text not null,
  -- The run that was at work: one that starts afresh forgets what it had said before.
  run_id uuid not null,
  content bytea not null,
  kept_at timestamptz not null default clock_timestamp(),
  primary key (session_id, name)
);
