-- The audit record: entries that are written with what they record, chained by hash soon after, sealed day by day.

create table longhaul.audit (
  id bigint generated always as identity primary key,
  -- Its place in the chain; null until it is chained.
  seq bigint unique,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  action text not null,
  subject text not null,
  -- JSON as a text: hashed as it was written, to the byte.
  data text not null,
  prev_hash text,
  hash text,
  check ((seq is null) = (prev_hash is null) and (seq is null) = (hash is null))
);

create index audit_unchained on longhaul.audit (id) where seq is null;
create index audit_by_subject on longhaul.audit (subject, id);
create index audit_by_actor on longhaul.audit (actor, id);
create index audit_by_action on longhaul.audit (action, id);
create index audit_by_time on longhaul.audit using brin (at);

-- The last entry that was chained: without it nobody would miss the newest entries.
create table longhaul.audit_head (
  only_one boolean primary key default true check (only_one),
  seq bigint not null,
  hash text not null
);

insert into longhaul.audit_head (seq, hash) values (0, repeat('0', 64));

-- One for each day (UTC) that is over and had entries. Kept when the day's entries are removed.
create table longhaul.audit_seals (
  day date primary key,
  first_seq bigint not null,
  last_seq bigint not null unique,
  entries bigint not null,
  -- The hash of the day's last entry.
  last_hash text not null,
  -- The hash of this seal and, through it, of every seal before.
  prev_hash text not null,
  hash text not null,
  -- Since when the day's entries are removed, having outlived their retention.
  removed_at timestamptz
);

create function longhaul.refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'The audit record is append-only: % of % is refused.', lower(tg_op), tg_table_name;
end
$$;

create trigger audit_insert before insert on longhaul.audit for each row
  when (new.seq is not null) execute function longhaul.refuse_audit_change();

-- To be chained is the only thing that happens to an entry.
create trigger audit_update before update on longhaul.audit for each row
  when (old.seq is not null or (old.id, old.at, old.actor, old.action, old.subject, old.data)
    is distinct from (new.id, new.at, new.actor, new.action, new.subject, new.data))
  execute function longhaul.refuse_audit_change();

create trigger audit_delete before delete on longhaul.audit for each row
  when (old.seq is null or current_setting('longhaul.audit_removal', true) is distinct from 'on')
  execute function longhaul.refuse_audit_change();

create trigger audit_truncate before truncate on longhaul.audit for each statement
  execute function longhaul.refuse_audit_change();

create trigger audit_seals_update before update on longhaul.audit_seals for each row
  when (old.removed_at is not null
    or (old.day, old.first_seq, old.last_seq, old.entries, old.last_hash, old.prev_hash, old.hash)
    is distinct from (new.day, new.first_seq, new.last_seq, new.entries, new.last_hash, new.prev_hash, new.hash))
  execute function longhaul.refuse_audit_change();

create trigger audit_seals_delete before delete on longhaul.audit_seals for each row
  execute function longhaul.refuse_audit_change();

create trigger audit_seals_truncate before truncate on longhaul.audit_seals for each statement
  execute function longhaul.refuse_audit_change();
