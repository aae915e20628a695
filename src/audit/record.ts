import { maskSecretsIn } from '../core/mask-secrets.ts';
import { toStorable } from '../core/text.ts';
import type { Transaction } from '../db/database.ts';
import type { AuditAction } from './actions.ts';

export interface AuditRecord {
  /** The actor: see `actors.ts`. */
  readonly actor: string;
  readonly action: AuditAction;
  /** The object of the action, such as a run's id. */
  readonly subject: string;
  /** Facts about the action. Anything in it that looks like a key is masked. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Most entries in an insert: each has four parameters, and a statement takes 65,535. */
const MOST_IN_INSERT = 5_000;

/**
 * Writes an entry to the audit record, in the transaction of the action it records: both happen or neither does. A
 * single insert and no lock: the entry is chained afterwards.
 */
export function recordAudit(trx: Transaction, record: AuditRecord): Promise<void> {
  return recordAuditMany(trx, [record]);
}

/** Writes many entries at once. */
export async function recordAuditMany(trx: Transaction, records: readonly AuditRecord[]): Promise<void> {
  for (let first = 0; first < records.length; first += MOST_IN_INSERT) {
    await insertAudit(trx, records.slice(first, first + MOST_IN_INSERT)).execute();
  }
}

/** Makes the insert of up to 5,000 entries, as a part of a statement that does more. */
export function insertAudit(trx: Transaction, records: readonly AuditRecord[]) {
  return trx.insertInto('longhaul.audit').values(records.map(toRow));
}

/** JSON writes NUL and lone surrogates as escapes, so any data can be stored. */
function toRow({ actor, action, subject, data }: AuditRecord) {
  return {
    actor: toStorable(actor),
    action,
    subject: toStorable(subject),
    data: JSON.stringify(maskSecretsIn(data)),
  };
}
