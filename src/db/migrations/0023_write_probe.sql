-- One row that is written to find out whether the database takes writes.
create table longhaul.write_probe (
  id boolean primary key default true check (id),
  written_at timestamptz not null
);
