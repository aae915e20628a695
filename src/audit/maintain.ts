import { sql } from 'kysely';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { chainAudit } from './chain.ts';
import { isExpired, removeExpiredAudit } from './remove-expired.ts';
import { sealAudit } from './seal.ts';

interface MaintainOptions {
  /** Retention of entries in days; null: forever. */
  readonly retentionDays: number | null;
  readonly log: Pick<Logger, 'info'>;
}

/**
 * Chains new entries, seals finished days and deletes expired entries. Every process may call it every second: one of
 * them does the work. With no work it costs one statement, answered by three indexes.
 */
export async function maintainAudit(database: Database, { retentionDays, log }: MaintainOptions): Promise<void> {
  // Each step may create the work of the next one, so the state is read again.
  const look = () => findWork(database, retentionDays);
  let work = await look();
  if (work.isUnchained) {
    while (((await chainAudit(database)) ?? 0) > 0);
    work = await look();
  }
  if (work.isDayOver) {
    for (const { day, entries } of await sealAudit(database)) {
      log.info({ day, entries }, 'sealed a day of the audit record');
    }
    work = await look();
  }
  if (work.isExpired && retentionDays !== null) {
    const count = await removeExpiredAudit(database, { retentionDays });
    if (count > 0) log.info({ count }, 'removed audit entries older than audit.retentionDays');
  }
}

async function findWork(database: Database, retentionDays: number | null) {
  const { rows } = await sql<{ isUnchained: boolean; isDayOver: boolean; isExpired: boolean }>`
    select
      exists (select from longhaul.audit where seq is null) as "isUnchained",
      coalesce((select at < date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' from longhaul.audit
                 where seq > coalesce((select max(last_seq) from longhaul.audit_seals), 0) order by seq limit 1),
               false) as "isDayOver",
      ${
        retentionDays === null
          ? sql`false`
          : sql`exists (select from longhaul.audit_seals where removed_at is null and ${isExpired(retentionDays)})
                or coalesce((select min(seq) from longhaul.audit)
                  <= (select max(last_seq) from longhaul.audit_seals where removed_at is not null), false)`
      } as "isExpired"`.execute(database.sql);
  return rows[0]!;
}
