-- Keys that are bound to a user or a team, tokens, idempotency keys that last a day.

-- Whose runs the key may see and submit; null: any.
alter table longhaul.api_keys add column user_id text;
alter table longhaul.api_keys add column team text;
-- To the minute.
alter table longhaul.api_keys add column last_used_at timestamptz;
-- Servers that hear no notifications ask what was revoked lately.
create index api_keys_revoked on longhaul.api_keys (revoked_at) where revoked_at is not null;

-- Before there were scopes every key was an application's.
update longhaul.api_keys set scopes = '{runs:write,runs:read,approvals}' where scopes = '{}';

-- What servers have to share and nobody else may know: each made once, by the first that needs it.
create table longhaul.secrets (
  name text primary key,
  value text not null,
  created_at timestamptz not null default now()
);

-- The runs that a submission with an `Idempotency-Key` has made.
create table longhaul.idempotency_keys (
  -- The API key, and, behind a token, the user as well.
  owner text not null,
  key text not null,
  request_hash text not null,
  run_ids uuid[] not null,
  created_at timestamptz not null default now(),
  primary key (owner, key)
);
create index idempotency_keys_by_time on longhaul.idempotency_keys (created_at);

insert into longhaul.idempotency_keys (owner, key, request_hash, run_ids, created_at)
select created_by::text, idempotency_key, request_hash, array[id], created_at from longhaul.runs
 where idempotency_key is not null and created_at > now() - interval '24 hours';
drop index longhaul.runs_by_idempotency_key;
alter table longhaul.runs drop column idempotency_key;
alter table longhaul.runs drop column request_hash;

-- What one user or team has spent is added up from its entries.
create index ledger_entries_by_user on longhaul.ledger_entries (user_id, at) where user_id is not null;
create index ledger_entries_by_team on longhaul.ledger_entries (team, at) where team is not null;
