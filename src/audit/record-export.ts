import type { Database } from '../db/database.ts';
import { recordAudit } from './record.ts';

interface ExportOptions {
  readonly actor: string;
  /** The filter of the export. */
  readonly filter: Readonly<Record<string, unknown>>;
}

/** Records that the audit record was exported. */
export async function recordExport(database: Database, { actor, filter }: ExportOptions): Promise<void> {
  await database.sql
    .transaction()
    .execute((trx) => recordAudit(trx, { actor, action: 'audit.exported', subject: 'audit', data: filter }));
}
