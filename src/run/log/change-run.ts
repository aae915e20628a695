import type { Selectable, UpdateObject } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable, Tables } from '../../db/tables.ts';
import { appendEvents } from './append-events.ts';

export type RunColumns = UpdateObject<Tables, 'longhaul.runs'>;

interface RunChange {
  readonly runId: string;
  /** The attempt that the events belong to; 0 before the first. */
  readonly attempt: number;
  readonly events: readonly NewEvent[];
  readonly columns: RunColumns;
}

/** Changes a run whose row `trx` has locked, and writes the events that report the change. Returns the row. */
export async function changeRun(
  trx: Transaction,
  { runId, attempt, events, columns }: RunChange,
): Promise<Selectable<RunsTable>> {
  await appendEvents(trx, { runId, attempt, events });
  return trx.updateTable('longhaul.runs').set(columns).where('id', '=', runId).returningAll().executeTakeFirstOrThrow();
}
