-- Which attempts were lost with their worker: a run that took two workers down is not given to a third.

-- When a sweep settled the attempt because its lease had run out; null for one that its worker settled.
alter table longhaul.attempts add column lost_at timestamptz;

-- Whether the worker said afterwards that it had lived on: it was cut off from the database, not taken down.
alter table longhaul.attempts add column worker_survived boolean not null default false;

create index attempts_lost on longhaul.attempts (worker_id) where lost_at is not null;
