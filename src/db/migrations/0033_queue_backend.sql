-- Backends beside the database that wake workers: Redis and SQS. The order of the runs stays in the database.

-- Distinguishes this deployment from others that use the same Redis or the same account of AWS. Written by the first start
-- with such a backend, so that a copy of a database that was made before has another.
create table longhaul.queue_backend (
  is_only boolean primary key default true check (is_only),
  deployment_id text not null
);

alter table longhaul.queues
  -- Wake-ups were sent for all delayed runs of the queue that were due by then.
  add column due_until timestamptz,
  -- Lost wake-ups of the queue were last replaced then.
  add column replaced_at timestamptz;
