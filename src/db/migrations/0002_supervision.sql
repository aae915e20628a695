-- Retries that continue a conversation, memory as it was measured, and workers that say what they are doing.

-- How a failed attempt is tried again, as its agent was set up when the run was accepted. A run from before has one attempt.
alter table longhaul.runs add column retry_policy json not null
  default '{"maxAttempts":1,"delaysSeconds":[10],"deadlineSeconds":600,"isContinued":true}';
alter table longhaul.runs alter column retry_policy drop default;

-- What the submission itself asked for, which a retry by hand asks for again; null: not known, a run from before.
alter table longhaul.runs add column requested_limits json;

create index runs_by_session on longhaul.runs (session_id);
create index runs_by_retry_of on longhaul.runs (retry_of) where retry_of is not null;

-- The most memory that the attempt's processes held together.
alter table longhaul.attempts add column peak_memory_bytes bigint;
-- For what an agent has needed lately.
alter table longhaul.attempts add column agent text;
create index attempts_by_agent on longhaul.attempts (agent, id desc) where peak_memory_bytes is not null;

create table longhaul.sessions (
  id uuid primary key,
  -- What Claude Code calls the conversation; null until it has written something of it.
  claude_session_id uuid,
  -- The one attempt that may write: given with the run's lease, taken back with it.
  holder_run_id uuid,
  holder_fence integer,
  entry_count integer not null default 0,
  updated_at timestamptz not null default now()
);

create index sessions_updated on longhaul.sessions (updated_at);

-- The transcript, entry by entry, as Claude Code wrote it.
create table longhaul.session_entries (
  session_id uuid not null references longhaul.sessions (id) on delete cascade,
  position integer not null,
  -- The run that was at work: one that starts afresh forgets what it had said before.
  run_id uuid not null,
  -- Empty for the conversation itself; a sub-agent's has a path of its own.
  subpath text not null default '',
  -- Claude Code's own name for the entry: one that comes twice is kept once. Some entries have none.
  uuid text,
  -- `json`, not `jsonb`: an entry may hold what only the former takes, such as an escaped NUL.
  entry json not null,
  primary key (session_id, position)
);

create unique index session_entries_by_uuid on longhaul.session_entries (session_id, subpath, uuid) where uuid is not null;

-- What a worker says of itself with each heartbeat.
alter table longhaul.workers add column free_memory_bytes bigint;
alter table longhaul.workers add column containment text;
alter table longhaul.workers add column spares integer not null default 0;
-- Why it takes no run just now, or null.
alter table longhaul.workers add column holding_reason text;
alter table longhaul.workers add column drain_requested_at timestamptz;
