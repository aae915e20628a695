-- The last time for which a worker's event loop did nothing, as the worker itself noticed it.
alter table longhaul.workers add column last_stall_ms integer;
alter table longhaul.workers add column last_stalled_at timestamptz;

create index attempts_lost_at on longhaul.attempts (lost_at) where lost_at is not null;
