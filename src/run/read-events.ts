import type { RunEvent } from '../core/events.ts';
import type { Database } from '../db/database.ts';

interface ReadOptions {
  readonly runId: string;
  /** Events after this place in the log. */
  readonly after: number;
  readonly limit: number;
}

/** A run's events after a place in its log, in order. */
export async function readEvents(database: Database, { runId, after, limit }: ReadOptions): Promise<RunEvent[]> {
  const rows = await database.sql
    .selectFrom('longhaul.run_events')
    .selectAll()
    .where('run_id', '=', runId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(
    (row) =>
      ({
        runId: row.run_id,
        seq: row.seq,
        type: row.type,
        at: row.at.toISOString(),
        attempt: row.attempt,
        data: row.data,
      }) as RunEvent,
  );
}
