-- Runs that are few among many: those that another run retries, and those with a label.

-- Retried runs are listed from an index of their own, with the columns of all filters. A trigger sets the mark, so that
-- servers of an earlier version set it too.

alter table longhaul.runs add column is_retried boolean not null default false;
update longhaul.runs set is_retried = true where id in (select retry_of from longhaul.runs where retry_of is not null);

create index runs_retried on longhaul.runs (id)
  include (status, agent, user_id, team, tenant, error_code, schedule_id, cost_micros, duration_ms) where is_retried;

create function longhaul.note_retry() returns trigger language plpgsql as $$
begin
  update longhaul.runs set is_retried = true where id = new.retry_of and not is_retried;
  return null;
end $$;
create trigger runs_note_retry after insert on longhaul.runs
  for each row when (new.retry_of is not null) execute function longhaul.note_retry();

/*
 * The runs with the first of the labels that at most `most` runs have; one more than `most` when each label has more.
 * From the index: statistics know only the most frequent labels, and PostgreSQL would read all runs for a label of ten.
 * The limit, of one label at a time, skips entries of labels that have far more than `most`.
 */
create function longhaul.labelled_runs(wanted text[], most integer) returns setof uuid language plpgsql stable
set enable_seqscan = off set gin_fuzzy_search_limit = 50000 as $$
declare
  label text;
  found_ids uuid[];
begin
  foreach label in array wanted loop
    found_ids := array(select run_id from longhaul.run_search where labels @> array[label] limit most + 1);
    exit when cardinality(found_ids) <= most;
  end loop;
  return query select unnest(found_ids);
end $$;
