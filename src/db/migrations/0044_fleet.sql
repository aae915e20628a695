-- Works with version 43: servers and workers of that version go on beside new ones.

-- Money is booked by the commit itself (src/run/money/bookings.ts). The sums of the ledger and the accounts of budgets are
-- rows that every attempt changes: a transaction that changed them before its commit would hold them while its client is
-- on the way, and all others would wait for that client.

-- What a transaction books. A row never outlives its transaction. The table is logged all the same: the identity of an
-- unlogged one is broken on a standby that was promoted (PostgreSQL 18.4, findings/identities-of-unlogged-tables.sh).
create table longhaul.bookings (
  attempt_id uuid primary key,
  run_id uuid not null,
  -- The ledger entries of an attempt that has ended.
  entries json not null,
  spent_micros bigint not null,
  -- The run's whole reservation is released.
  is_over boolean not null,
  -- The time zone of money.
  zone text not null
);

/* Books within the commit. In the order in which every other transaction locks these rows: sums, then accounts. */
create function longhaul.book() returns trigger language plpgsql as $$
begin
  delete from longhaul.bookings where attempt_id = new.attempt_id;
  perform from longhaul.runs where id = new.run_id;
  if not found then
    raise exception 'The run % was deleted by the transaction that books its money.', new.run_id;
  end if;
  perform longhaul.post_entries(new.entries, new.zone);
  perform longhaul.spend_budget(new.run_id, new.spent_micros, new.is_over, new.zone);
  return null;
end
$$;

create constraint trigger bookings_book after insert on longhaul.bookings
  deferrable initially deferred for each row execute function longhaul.book();

-- The queues that a worker takes runs from, so that a wake-up can name it; null: a worker of version 43.
alter table longhaul.workers add column queues text[];

-- Most connections of its process; null: a worker of version 43.
alter table longhaul.workers add column pool_size integer;
