-- Runs, their events, attempts and ledger; workers, queues and API keys.

create table longhaul.runs (
  id uuid primary key,
  agent text not null,
  queue text not null,
  status text not null check (status in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  waiting_for text,
  prompt text not null,
  user_id text,
  session_id uuid not null,
  metadata json not null,
  priority integer not null,
  limits json not null,
  attempt integer not null default 0,
  max_attempts integer not null,
  retry_of uuid references longhaul.runs (id) on delete set null,

  -- Who submitted it, and under which idempotency key: the same key of the same caller is the same run.
  created_by uuid not null,
  idempotency_key text,
  request_hash text,

  created_at timestamptz not null default now(),
  start_after timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  cancel_requested_at timestamptz,

  -- The lease: only the worker that holds this fence may write, and only until it expires.
  fence integer not null default 0,
  lease_worker_id uuid,
  lease_expires_at timestamptz,
  -- The last event's place in the run's log. Events are numbered under this row's lock.
  event_seq integer not null default 0,

  result text,
  structured_output json,
  error_code text,
  -- For operators: may hold what the executable printed. Never shown to an end user.
  error_detail text,

  -- Sums over the run's ledger, kept here so that reading a run is one row.
  cost_micros bigint not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_creation_tokens bigint not null default 0,
  model_usage json not null default '{}',
  tool_uses json not null default '{}',
  turns integer not null default 0,
  duration_ms bigint
);

-- Ids are UUIDv7: the order of ids is the order of submission.
create index runs_by_status on longhaul.runs (status, id desc);
create index runs_by_agent on longhaul.runs (agent, id desc);
create index runs_by_user on longhaul.runs (user_id, id desc) where user_id is not null;
create index runs_finished on longhaul.runs (finished_at) where finished_at is not null;
create index runs_leased on longhaul.runs (lease_expires_at) where status = 'running';
create unique index runs_by_idempotency_key on longhaul.runs (created_by, idempotency_key) where idempotency_key is not null;

create table longhaul.run_events (
  run_id uuid not null references longhaul.runs (id) on delete cascade,
  seq integer not null,
  type text not null,
  attempt integer not null,
  at timestamptz not null default now(),
  -- `json`, not `jsonb`: what a tool returned is kept as it was written, in whatever order and with whatever escapes.
  data json not null,
  primary key (run_id, seq)
);

create table longhaul.attempts (
  id uuid primary key,
  run_id uuid not null references longhaul.runs (id) on delete cascade,
  number integer not null,
  worker_id uuid not null,
  fence integer not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'handed_back')),
  error_code text,
  error_detail text,
  exit_code integer,
  signal text,
  stderr_tail text,
  claude_code_version text,
  -- What the gateway saw pass, written while the attempt runs.
  metered json,
  metered_cost_micros bigint not null default 0,
  -- What the Agent SDK said at the end; null when the process ended without saying.
  reported json,
  reported_cost_micros bigint,
  unique (run_id, number)
);

-- Append-only: one entry for each attempt that ended, successful or not.
create table longhaul.ledger (
  attempt_id uuid primary key,
  run_id uuid not null,
  attempt integer not null,
  agent text not null,
  user_id text,
  outcome text not null,
  -- Per model: tokens by class and cost.
  models json not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cache_read_tokens bigint not null,
  cache_creation_tokens bigint not null,
  cost_micros bigint not null check (cost_micros >= 0),
  duration_ms bigint not null,
  at timestamptz not null default now()
);

create index ledger_by_run on longhaul.ledger (run_id);
create index ledger_by_time on longhaul.ledger (at);

create table longhaul.workers (
  id uuid primary key,
  host text not null,
  pid integer not null,
  version text not null,
  slots integer not null,
  started_at timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);

-- A queue has a row once it was paused.
create table longhaul.queues (
  name text primary key,
  paused_at timestamptz
);

create table longhaul.api_keys (
  id uuid primary key,
  name text not null,
  -- SHA-256 of the key. The key itself has 256 random bits and is kept nowhere.
  hash text not null unique,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);
