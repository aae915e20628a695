import { sql } from 'kysely';
import { createId } from '../../core/ids.ts';
import type { Database } from '../../db/database.ts';

/** An attempt as a test describes it; omitted fields are zero or null. */
export interface TestAttempt {
  readonly at: Date | string;
  readonly user?: string | null;
  readonly team?: string | null;
  readonly agent?: string;
  readonly outcome?: string;
  /** Defaults to the value that `outcome` implies; null: another attempt follows. */
  readonly concludes?: string | null;
  /** Entries by model. Defaults to one entry with no model. */
  readonly models?: readonly TestEntry[];
}

export interface TestEntry {
  readonly model: string | null;
  readonly costMicros: number;
  readonly ownMicros?: number | null;
  readonly sdkMicros?: number | null;
  readonly tokens?: number;
}

/** Creates a ledger that a test writes to at any point in time, with the function that Longhaul itself uses. */
export async function createTestLedger(database: Database, timeZone: string) {
  await sql`alter table longhaul.ledger_entries alter column at
    set default current_setting('test.at')::timestamptz`.execute(database.sql);

  return {
    async post({ at, user = null, team = null, agent = 'reader', outcome = 'succeeded', ...rest }: TestAttempt) {
      const { concludes = outcome, models = [{ model: null, costMicros: 0 }] } = rest;
      const ids = { attempt_id: createId(), run_id: createId(), attempt: 1 };
      const entries = models.map(({ model, costMicros, ownMicros, sdkMicros, tokens = 0 }, position) => ({
        ...ids,
        position,
        agent,
        user_id: user,
        team,
        model,
        outcome,
        concludes,
        input_tokens: tokens,
        output_tokens: tokens * 2,
        cache_read_tokens: tokens * 3,
        cache_creation_tokens: tokens * 5,
        cache_creation_1h_tokens: tokens,
        thinking_tokens: tokens === 0 ? null : tokens,
        web_searches: 0,
        cost_micros: costMicros,
        sdk_cost_micros: sdkMicros ?? null,
        own_cost_micros: ownMicros ?? null,
        duration_ms: 0,
      }));
      const instant = typeof at === 'string' ? at : at.toISOString();
      await database.sql.transaction().execute(async (trx) => {
        await sql`select set_config('test.at', ${instant}, true)`.execute(trx);
        await sql`select longhaul.post_entries(${JSON.stringify(entries)}::json, ${timeZone})`.execute(trx);
      });
    },
    async clear() {
      await sql`truncate longhaul.ledger_entries, longhaul.cost_rollups`.execute(database.sql);
    },
  };
}
