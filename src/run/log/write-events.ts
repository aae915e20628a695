import { sql, type RawBuilder } from 'kysely';

/**
 * SQL: the insert of events, the only one into `longhaul.run_events`. A statement places it beside a CTE `log` with a
 * row for each run that gets events: `run_id`, `last_seq` (the number of the event before), `events` (a JSON array) and
 * the run's `user_id`, `team` and `tenant`.
 *
 * The statement must hold the locks of the runs' rows: numbers then have no gap. Positions are drawn row by row, in the
 * order of this select, so that they rise with the numbers.
 */
export function writeEvents(attempt: number): RawBuilder<unknown> {
  return sql`
    insert into longhaul.run_events (run_id, seq, type, attempt, data, user_id, team, tenant)
    select log.run_id, log.last_seq + event.place, event.value->>'type', ${attempt}, event.value->'data',
           log.user_id, log.team, log.tenant
      from log, json_array_elements(log.events) with ordinality as event (value, place)
     order by log.run_id, event.place`;
}
