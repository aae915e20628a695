-- What an entry's model was asked for by, where that is another name than the one it answered with; and whether a part of
-- what is charged is our estimate, because an answer was cut before the provider had counted it.
alter table longhaul.ledger_entries add column requested_models text[] not null default '{}';
alter table longhaul.ledger_entries add column is_estimated boolean not null default false;

/* Adds entries to the ledger, and to its sums. What a worker of an earlier version does not say is nothing. */
create or replace function longhaul.post_entries(entries json, zone text) returns void language sql as $$
  with entry as (
    insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, model,
      requested_models, outcome, concludes, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
      cache_creation_1h_tokens, thinking_tokens, web_searches, cost_micros, sdk_cost_micros, own_cost_micros,
      is_estimated, duration_ms)
    select attempt_id, position, run_id, attempt, agent, user_id, team, model, coalesce(requested_models, '{}'), outcome,
      concludes, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_1h_tokens,
      thinking_tokens, web_searches, cost_micros, sdk_cost_micros, own_cost_micros, coalesce(is_estimated, false),
      duration_ms
      from json_populate_recordset(null::longhaul.ledger_entries, entries)
    returning *)
  select longhaul.sum_up(array_agg(entry::longhaul.ledger_entries), zone) from entry
$$;
