-- People who sign in to the dashboard at an OpenID Connect provider. A person has a key that nobody knows, so that runs,
-- audit entries and sign-ins refer to the person as they refer to an application. When the rights of a person change,
-- the next sign-in revokes the key and stores another.

alter table longhaul.api_keys
  -- Issuer and subject of the person, as the provider names them; null for a key that a caller sends.
  add column subject text;

-- A person has one valid key.
create unique index api_keys_of_person on longhaul.api_keys (subject) where subject is not null and revoked_at is null;

-- The branches of a session are listed on its page.
create index sessions_by_origin on longhaul.sessions (forked_from, id) where forked_from is not null;
