-- Runs are found by what they are about: the words of prompt and result, and the entries of their metadata.

create table longhaul.run_search (
  run_id uuid primary key references longhaul.runs (id) on delete cascade,
  words tsvector not null,
  -- `key=value`, of each entry that is a text, a number or a truth value, and of each such value in a list.
  labels text[] not null
);
create index run_search_words on longhaul.run_search using gin (words);
create index run_search_labels on longhaul.run_search using gin (labels);

/*
 * The words as they are written, in whatever language. The beginnings alone: a tsvector holds less than 1 MB, and whoever
 * searches remembers what came first.
 */
create function longhaul.words_of(prompt text, result text) returns tsvector language sql immutable parallel safe as $$
  select to_tsvector('simple', left(prompt, 20000) || ' ' || left(coalesce(result, ''), 60000))
$$;

create function longhaul.labels_of(metadata json) returns text[] language sql immutable parallel safe as $$
  select coalesce(array_agg(label), '{}')
    from (select entry.key || '=' || value.text as label
            from json_each(metadata) as entry
           cross join lateral (
             select entry.value #>> '{}' as text where json_typeof(entry.value) in ('string', 'number', 'boolean')
              union all
             select item #>> '{}' from json_array_elements(case json_typeof(entry.value) when 'array' then entry.value else '[]' end) as item
              where json_typeof(item) in ('string', 'number', 'boolean')) as value
           where length(entry.key) + length(value.text) <= 300
           limit 100) as labels
$$;

/*
 * What somebody typed, as web searches are written: every word, "these words in a row", -not. A word finds those that begin
 * with it, so that `invoice` finds `invoices`.
 */
create function longhaul.to_search(typed text) returns tsquery language sql immutable parallel safe as $$
  select regexp_replace(websearch_to_tsquery('simple', typed)::text, '''(?:[^'']|'''')*''', '\&:*', 'g')::tsquery
$$;

create function longhaul.note_new_words() returns trigger language plpgsql as $$
begin
  insert into longhaul.run_search (run_id, words, labels)
  select id, longhaul.words_of(prompt, result), longhaul.labels_of(metadata) from inserted;
  return null;
end $$;
create trigger runs_note_new_words after insert on longhaul.runs
  referencing new table as inserted for each statement execute function longhaul.note_new_words();

create function longhaul.note_result_words() returns trigger language plpgsql as $$
begin
  update longhaul.run_search set words = longhaul.words_of(new.prompt, new.result) where run_id = new.id;
  return null;
end $$;
create trigger runs_note_result_words after update of result on longhaul.runs
  for each row when (new.result is distinct from old.result) execute function longhaul.note_result_words();

-- The runs there are already, until a worker has taken down their words in passing: a million of them take minutes.
create table longhaul.runs_without_words (run_id uuid primary key);
insert into longhaul.runs_without_words (run_id) select id from longhaul.runs;

create index runs_by_cost on longhaul.runs (cost_micros, id desc) where cost_micros > 0;
create index runs_by_duration on longhaul.runs (duration_ms, id desc) where duration_ms is not null;
create index runs_by_error on longhaul.runs (error_code, id desc) where error_code is not null;
