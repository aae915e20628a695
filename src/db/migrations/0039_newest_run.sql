-- Works with version 38: servers and workers of that version go on beside new ones.

-- A search finds the newest run in the index, without sorting all of them. It reads no index for words that most runs
-- have when others are rare, and begins with a time that promises enough matches.

/*
 * The newest runs from `since` on and before `until` that match the typed words, all labels and all marks, or about as many of
 * them as `enough`; then null, if there may be others. Null alone when more runs match than an index should be read for.
 *
 * Reads two neighbouring times, the newest and the one before, of 17 minutes, 5 hours, 3 days or 50 days: each is sixteen
 * times the one before, so a time with too few runs promises at most sixteen times as many. The newest 200 runs tell
 * which of them to read first.
 */
create or replace function longhaul.searched_runs(
  typed tsquery, labels text[], marks text[], since uuid, until uuid, enough integer
) returns setof uuid language plpgsql stable
-- The index alone: statistics know only the most frequent words.
set enable_seqscan = off set jit = off as $$
declare
  most constant integer := 3000;
  sampled constant integer := 200;
  -- Words that one run in twenty has are soon found among the newest runs.
  frequent constant integer := 10;
  -- The words that all must match; a query with other operators is one of them.
  parts tsquery[] := case when typed::text ~ '[|!<(]' then array[typed] else string_to_array(typed::text, ' & ')::tsquery[] end;
  rare tsquery[];
  frequent_parts tsquery[];
  newest text;
  sampled_ms bigint;
  sample_size integer;
  count integer;
  of_labels integer;
  conditions text[];
  is_marked boolean;
  statement text;
  digits integer := 7;
  is_wider boolean := false;
  is_narrower boolean := false;
  period text;
  earlier text;
  found_ids uuid[];
begin
  with sample as materialized (
    select search.run_id::text as id, search.words, search.labels from longhaul.run_search as search
     where search.run_id < until order by search.run_id desc limit sampled),
  times as (select ('x' || left(replace(id, '-', ''), 12))::bit(48)::bigint as ms from sample)
  select (select max(id) from sample), (select max(ms) - min(ms) from times), (select count(*) from sample),
         (select count(*) from sample where coalesce(sample.words @@ typed, true) and sample.labels @> searched_runs.labels),
         (select count(*) from sample where sample.labels @> searched_runs.labels),
         array(select part from unnest(parts) as part
                where (select count(*) from sample where sample.words @@ part) >= frequent)
    into newest, sampled_ms, sample_size, count, of_labels, frequent_parts;
  if newest is null then return; end if;
  if count >= frequent then return next null; return; end if;

  -- The index reads every run that has a prefix, however few have the rest: a frequent word is looked up in those few.
  rare := array(select part from unnest(parts) as part where part <> all (frequent_parts));
  if cardinality(rare) = 0 and of_labels >= frequent then rare := parts; frequent_parts := '{}'; end if;
  if cardinality(rare) > 0 then
    typed := array_to_string(rare, ' & ')::tsquery;
    conditions := array_append(conditions, 'words @@ $1');
  end if;
  if cardinality(frequent_parts) > 0 then conditions := array_append(conditions, '(words @@ $7) is true'); end if;
  if cardinality(labels) > 0 then conditions := array_append(conditions, 'labels @> $2'); end if;
  -- Until every run has its marks, none is selected by them.
  is_marked := not exists (select from longhaul.runs_without_words);
  if is_marked and cardinality(marks) > 0 then conditions := array_append(conditions, 'marks @> $3'); end if;
  -- Not a range of the primary key, which could be read instead of the index.
  conditions := conditions || array['(run_id < $4) is true', '(run_id >= $5) is true'];
  statement := format('select array(select run_id from longhaul.run_search where %s', array_to_string(conditions, ' and '));

  while digits > 4 and 16::numeric ^ (12 - digits) * greatest(count, 0.5) < enough * greatest(sampled_ms, 1) loop
    digits := digits - 1;
  end loop;
  while is_marked and sample_size = sampled loop
    period := left(newest, digits);
    earlier := lpad(to_hex(('x' || lpad(period, 8, '0'))::bit(32)::bigint - 1), digits, '0');
    execute format('%s and marks && $6 limit %s)', statement, most + 1) into found_ids
      using typed, labels, marks, until, since, array[period, earlier], nullif(array_to_string(frequent_parts, ' & '), '')::tsquery;
    if cardinality(found_ids) > most then
      if is_wider or digits = 7 then return next null; return; end if;
      is_narrower := true;
      digits := digits + 1;
    elsif since >= (rpad(earlier, 8, '0') || '-0000-0000-0000-000000000000')::uuid then
      return query select unnest(found_ids);
      return;
    elsif is_narrower or cardinality(found_ids) >= enough then
      return query select unnest(found_ids);
      return next null;
      return;
    else
      exit when digits = 4;
      is_wider := true;
      digits := digits - 1;
    end if;
  end loop;
  execute format('%s limit %s)', statement, most + 1) into found_ids
    using typed, labels, marks, until, since, null::text[], nullif(array_to_string(frequent_parts, ' & '), '')::tsquery;
  if cardinality(found_ids) > most then return next null; return; end if;
  return query select unnest(found_ids);
end $$;
