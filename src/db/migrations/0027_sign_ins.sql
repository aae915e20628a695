-- Who is signed in to the dashboard: a browser holds a secret in a cookie, and stands for the API key it came with.

create table longhaul.sign_ins (
  id uuid primary key,
  -- SHA-256 of the secret in the cookie, which has 256 random bits and is kept nowhere else.
  hash text not null unique,
  key_id uuid not null references longhaul.api_keys (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sign_ins_expired on longhaul.sign_ins (expires_at);

-- Links that sign in once: the code in the link is hashed as well.
create table longhaul.sign_in_codes (
  hash text primary key,
  key_id uuid not null references longhaul.api_keys (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index sign_in_codes_expired on longhaul.sign_in_codes (expires_at);
