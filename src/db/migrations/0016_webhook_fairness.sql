-- Attempts are given in turn over API keys, and within a key over lanes: both are stepped through, however many
-- deliveries wait in each.
drop index longhaul.webhook_deliveries_due;
drop index longhaul.webhook_deliveries_in_lane;
create index webhook_deliveries_by_lane on longhaul.webhook_deliveries (key_id, lane, next_attempt_at) where status = 'pending';
create index webhook_deliveries_by_key on longhaul.webhook_deliveries (key_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_taken on longhaul.webhook_deliveries (lane) where taken_until is not null;

-- Secrets that were replaced. Each signs until the time that was said when it was.
create table longhaul.webhook_former_secrets (
  secret text primary key,
  owner_id uuid not null references longhaul.webhook_secrets (owner_id) on delete cascade,
  signs_until timestamptz not null
);
create index webhook_former_secrets_by_owner on longhaul.webhook_former_secrets (owner_id);
insert into longhaul.webhook_former_secrets (secret, owner_id, signs_until)
  select previous, owner_id, previous_until from longhaul.webhook_secrets where previous_until > now();
alter table longhaul.webhook_secrets drop column previous, drop column previous_until;
