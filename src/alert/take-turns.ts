import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** The right to evaluate a rule now. Taking the next turn ends it. */
export interface Turn {
  readonly rule: string;
  readonly turn: number;
  readonly lookedUntil: Date | null;
}

interface TakeTurnsOptions {
  readonly rules: readonly string[];
  readonly now: Date;
  readonly everyMs: number;
}

/**
 * Takes the due turns, `everyMs` after the previous turn. Each turn goes to one of any number of concurrent callers:
 * the second waits for the first one's row, then finds it taken. Rules that are not due are not locked.
 */
export async function takeTurns(database: Database, { rules, now, everyMs }: TakeTurnsOptions): Promise<Turn[]> {
  const before = new Date(now.getTime() - everyMs);
  const { rows } = await sql<Turn>`
    insert into longhaul.alert_rules as held (rule, taken_at)
    select name, ${now}::timestamptz from unnest(${sql.val([...rules])}::text[]) as due (name)
     where not exists (select from longhaul.alert_rules where rule = name and taken_at > ${before}::timestamptz)
     order by name
    on conflict (rule) do update set taken_at = excluded.taken_at, turn = held.turn + 1
     where held.taken_at <= ${before}::timestamptz
    returning rule, turn, looked_until as "lookedUntil"`.execute(database.sql);
  return rows;
}
