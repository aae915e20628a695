import { sql, type Selectable, type UpdateObject } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable, Tables } from '../../db/tables.ts';
import { noteStatusOfEvents } from '../webhooks/note-session-status.ts';
import { notifyWatchers } from './append-events.ts';
import { writeEvents } from './write-events.ts';

export type RunColumns = UpdateObject<Tables, 'longhaul.runs'>;

interface RunChange {
  readonly runId: string;
  /** The attempt that the events belong to; 0 before the first. */
  readonly attempt: number;
  readonly events: readonly NewEvent[];
  readonly columns: RunColumns;
}

/**
 * Changes a run whose row `trx` has locked, and writes the events that report the change, in one statement. SQL in
 * `columns` does not see these events. Notifies watchers after the commit. Returns the row.
 */
export async function changeRun(
  trx: Transaction,
  { runId, attempt, events, columns }: RunChange,
): Promise<Selectable<RunsTable>> {
  const event_seq = sql<number>`event_seq + ${events.length}`;
  const change = trx
    .updateTable('longhaul.runs')
    .set({ ...columns, event_seq })
    .where('id', '=', runId)
    .returningAll();
  if (events.length === 0) return change.executeTakeFirstOrThrow();
  const { rows } = await sql<Selectable<RunsTable>>`
    with changed as (${change}),
    log as (
      select id as run_id, event_seq - ${events.length} as last_seq, ${JSON.stringify(events)}::json as events,
             user_id, team, tenant
        from changed),
    written as (${writeEvents(attempt)})
    select * from changed`.execute(trx);
  const [row] = rows;
  if (row === undefined) throw new Error(`There is no run ${runId}.`);
  notifyWatchers(trx, { runId, events });
  if (row.is_managed) await noteStatusOfEvents(trx, { runId, sessionId: row.session_id, events });
  return row;
}
