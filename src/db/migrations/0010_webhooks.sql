-- Who is told over HTTP that a run has ended or waits, and each telling.

-- Named by the submission: an address that is told of this run alone.
alter table longhaul.runs add column webhook_url text;
-- Of a run that tries another again: the API key whose webhooks heard of that one. They hear of this one as well.
alter table longhaul.runs add column webhook_key_id uuid;

-- An address that is told of the runs of an API key.
create table longhaul.webhook_endpoints (
  id uuid primary key,
  key_id uuid not null,
  -- What the key was bound to: it hears of no other's runs. Null: any.
  user_id text,
  team text,
  url text not null,
  events text[] not null,
  description text,
  created_at timestamptz not null default clock_timestamp(),
  -- It has answered that it is gone.
  disabled_at timestamptz
);
create index webhook_endpoints_by_key on longhaul.webhook_endpoints (key_id, id);

-- What deliveries are signed with: an endpoint's own, and for addresses that submissions name their API key's.
create table longhaul.webhook_secrets (
  -- The endpoint, or the API key.
  owner_id uuid primary key,
  secret text not null,
  created_at timestamptz not null default clock_timestamp(),
  -- The one before signs beside it until then.
  previous text,
  previous_until timestamptz
);

-- Written in the transaction that ends or parks the run: what is not delivered yet survives whoever was to do it.
create table longhaul.webhook_deliveries (
  -- What receivers know it by, however often it comes.
  id uuid primary key,
  -- Null: a test.
  run_id uuid references longhaul.runs (id) on delete cascade,
  -- Null: for the address that the submission has named. The endpoint may be gone.
  endpoint_id uuid,
  -- Whose it is.
  key_id uuid not null,
  type text not null,
  url text not null,
  -- Byte for byte what is sent and signed, in every attempt.
  body text not null,
  -- Those of one lane share the few that may be under way at once: an endpoint's, or a host's.
  lane text not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  -- Those it may still make before it has failed.
  attempts_left integer not null,
  next_attempt_at timestamptz not null default clock_timestamp(),
  -- Whoever has it under way has it until then.
  taken_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  last_attempt_at timestamptz,
  delivered_at timestamptz,
  response_status integer,
  last_error text,
  response_text text
);
create index webhook_deliveries_due on longhaul.webhook_deliveries (next_attempt_at, lane) where status = 'pending';
create index webhook_deliveries_in_lane on longhaul.webhook_deliveries (lane, next_attempt_at) where status = 'pending';
create index webhook_deliveries_by_run on longhaul.webhook_deliveries (run_id, id) where run_id is not null;
create index webhook_deliveries_by_endpoint on longhaul.webhook_deliveries (endpoint_id, id) where endpoint_id is not null;
create index webhook_deliveries_of_no_run on longhaul.webhook_deliveries (created_at) where run_id is null;
