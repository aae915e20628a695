-- Works with version 38: servers and workers of that version go on beside new ones.

-- Images and documents in prompts (src/run/attachments).

create table longhaul.files (
  id uuid primary key,
  -- True: uploaded, and kept until it is deleted. False: sent with a run, and kept as long as that.
  is_listed boolean not null,
  name text,
  media_type text not null,
  size integer not null,
  content bytea not null,
  user_id text,
  team text,
  tenant text,
  created_at timestamptz not null default now(),
  -- Deleted by its owner; runs that contain it still do.
  deleted_at timestamptz,
  -- Null: it is listed, or a run contains it. Otherwise it is removed an hour later.
  unused_since timestamptz
);
-- Images and PDFs are compressed already.
alter table longhaul.files alter column content set storage external;
create index files_listed on longhaul.files (id) where is_listed and deleted_at is null;
create index files_of_user on longhaul.files (user_id, id) where is_listed and deleted_at is null and user_id is not null;
create index files_of_team on longhaul.files (team, id) where is_listed and deleted_at is null and team is not null;
create index files_unused on longhaul.files (unused_since) where unused_since is not null;

-- The runs that need a file: as a part of their prompts, or of a message to them.
create table longhaul.run_files (
  run_id uuid not null references longhaul.runs (id) on delete cascade,
  file_id uuid not null references longhaul.files (id),
  primary key (run_id, file_id)
);
create index run_files_by_file on longhaul.run_files (file_id);

create function longhaul.note_unused_file() returns trigger language plpgsql as $$
begin
  update longhaul.files set unused_since = now()
   where id = old.file_id and (not is_listed or deleted_at is not null)
     and not exists (select from longhaul.run_files where file_id = old.file_id);
  return null;
end $$;
create trigger note_unused_file after delete on longhaul.run_files
  for each row execute function longhaul.note_unused_file();

-- The parts of a prompt in order (src/core/prompt-parts.ts); null: it is a text alone.
alter table longhaul.runs add column parts json;
alter table longhaul.messages add column parts json;
