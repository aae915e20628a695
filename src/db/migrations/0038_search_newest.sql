-- Works with version 37: servers and workers of that version go on beside new ones.

-- A search for a word or label that one run in a hundred has reads only the newest hours, days or weeks that have enough
-- matches, not all runs with the word.

-- What the index of the search knows of a run besides its words and labels, see `marks_of`.
alter table longhaul.run_search add column marks text[] not null default '{}';

-- One index, so that words, labels and marks are found together: rare ones save reading the lists of frequent ones.
drop index longhaul.run_search_words;
drop index longhaul.run_search_labels;
create index run_search_terms on longhaul.run_search using gin (words, labels, marks);

/*
 * The marks of a run: the times it was submitted in, and the values that filters select. An id begins with the
 * milliseconds of its creation, in hexadecimal (RFC 9562, 5.7): its first 4, 5, 6 and 7 digits are a time of 50 days,
 * 3 days, 5 hours and 17 minutes. A status that may still change has no mark.
 */
create function longhaul.marks_of(
  id uuid, agent text, user_id text, team text, schedule_id uuid, status text, error_code text
) returns text[] language sql immutable parallel safe as $$
  select array_remove(array[
    left(id::text, 4), left(id::text, 5), left(id::text, 6), left(id::text, 7),
    'agent ' || agent, 'user_id ' || user_id, 'team ' || team, 'schedule_id ' || schedule_id,
    case when status in ('succeeded', 'failed', 'cancelled') then 'status ' || status end,
    'error_code ' || error_code], null)
$$;

create or replace function longhaul.note_new_words() returns trigger language plpgsql as $$
begin
  insert into longhaul.run_search (run_id, words, labels, marks)
  select id, longhaul.words_of(prompt, result), longhaul.labels_of(metadata),
         longhaul.marks_of(id, agent, user_id, team, schedule_id, status, error_code)
    from inserted;
  return null;
end $$;

create or replace function longhaul.note_result_words() returns trigger language plpgsql as $$
begin
  update longhaul.run_search
     set words = longhaul.words_of(new.prompt, new.result),
         marks = longhaul.marks_of(new.id, new.agent, new.user_id, new.team, new.schedule_id, new.status, new.error_code)
   where run_id = new.id;
  return null;
end $$;
drop trigger runs_note_result_words on longhaul.runs;
create trigger runs_note_result_words after update of result, status, error_code on longhaul.runs
  for each row when ((new.result, new.error_code) is distinct from (old.result, old.error_code)
    or (new.status <> old.status and new.status in ('succeeded', 'failed', 'cancelled')))
  execute function longhaul.note_result_words();

-- The marks of the runs there are already: a worker notes them in passing.
insert into longhaul.runs_without_words (run_id) select run_id from longhaul.run_search on conflict do nothing;

/*
 * The newest runs from `since` on and before `until` that match the typed words, all labels and all marks, or about as many of
 * them as `enough`; then null, if there may be others. Null alone when more runs match than an index should be read for.
 *
 * Reads two neighbouring times, the newest and the one before, of 17 minutes first, then of 5 hours, of 3 days and of 50
 * days: each is sixteen times the one before, so a time with too few runs promises at most sixteen times as many.
 */
create function longhaul.searched_runs(
  typed tsquery, labels text[], marks text[], since uuid, until uuid, enough integer
) returns setof uuid language plpgsql stable
-- The index alone: statistics know only the most frequent words.
set enable_seqscan = off set jit = off as $$
declare
  most constant integer := 3000;
  sampled constant integer := 200;
  -- Words that one run in twenty has are soon found among the newest runs.
  frequent constant integer := 10;
  newest text;
  count integer;
  conditions text[];
  is_marked boolean;
  statement text;
  period text;
  earlier text;
  found_ids uuid[];
begin
  select run_id::text into newest from longhaul.run_search where run_id < until order by run_id desc limit 1;
  if newest is null then return; end if;
  if typed is not null then conditions := array_append(conditions, 'words @@ $1'); end if;
  if cardinality(labels) > 0 then conditions := array_append(conditions, 'labels @> $2'); end if;
  execute format(
    'select count(*) from (select words, labels from longhaul.run_search where run_id < $3 order by run_id desc limit %s) as sample
      where %s', sampled, array_to_string(conditions, ' and ')) into count using typed, labels, until;
  if count >= frequent then return next null; return; end if;

  -- Until every run has its marks, none is selected by them.
  is_marked := not exists (select from longhaul.runs_without_words);
  if is_marked and cardinality(marks) > 0 then conditions := array_append(conditions, 'marks @> $3'); end if;
  -- Not a range of the primary key, which could be read instead of the index.
  conditions := conditions || array['(run_id < $4) is true', '(run_id >= $5) is true'];
  statement := format('select array(select run_id from longhaul.run_search where %s', array_to_string(conditions, ' and '));
  if is_marked then
    for digits in reverse 7..4 loop
      period := left(newest, digits);
      earlier := lpad(to_hex(('x' || lpad(period, 8, '0'))::bit(32)::bigint - 1), digits, '0');
      execute format('%s and marks && $6 limit %s)', statement, most + 1) into found_ids
        using typed, labels, marks, until, since, array[period, earlier];
      if cardinality(found_ids) > most then return next null; return; end if;
      if cardinality(found_ids) >= enough then
        return query select unnest(found_ids);
        return next null;
        return;
      end if;
      if since >= (rpad(earlier, 8, '0') || '-0000-0000-0000-000000000000')::uuid then
        return query select unnest(found_ids);
        return;
      end if;
    end loop;
  end if;
  execute format('%s limit %s)', statement, most + 1) into found_ids using typed, labels, marks, until, since;
  if cardinality(found_ids) > most then return next null; return; end if;
  return query select unnest(found_ids);
end $$;
