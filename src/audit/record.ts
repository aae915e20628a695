import { maskSecretsIn } from '../core/mask-secrets.ts';
import { toStorable } from '../core/text.ts';
import type { Transaction } from '../db/database.ts';
import type { AuditAction } from './actions.ts';

export interface AuditRecord {
  /** Who did it: see `actors.ts`. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it was done to, such as a run's id. */
  readonly subject: string;
  /** What is to be known of it. Anything in it that looks like a key is masked. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** One insert takes at most this many: each has four parameters, and a statement takes 65,535. */
const MOST_IN_INSERT = 5_000;

/**
 * Enters something in the audit record, in the transaction that does it: both happen or neither does. One insert and
 * no lock: the entry gets its place in the chain afterwards.
 */
export function recordAudit(trx: Transaction, record: AuditRecord): Promise<void> {
  return recordAuditMany(trx, [record]);
}

/** Enters many things at once. */
export async function recordAuditMany(trx: Transaction, records: readonly AuditRecord[]): Promise<void> {
  for (let first = 0; first < records.length; first += MOST_IN_INSERT) {
    const values = records.slice(first, first + MOST_IN_INSERT).map(toRow);
    await trx.insertInto('longhaul.audit').values(values).execute();
  }
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
