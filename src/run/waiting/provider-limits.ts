import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

/** A provider limit that is in force. */
export interface ProviderLimitState {
  /** `*`: all models of the account. */
  readonly model: string;
  readonly kind: 'rate_limit' | 'overloaded';
  readonly message: string;
  readonly until: Date;
}

export async function readProviderLimits(database: Database): Promise<ProviderLimitState[]> {
  return database.sql
    .selectFrom('longhaul.provider_limits')
    .select(['model', 'kind', 'message', 'until'])
    .where('until', '>', sql<Date>`clock_timestamp()`)
    .execute();
}
