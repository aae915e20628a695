import { sql } from 'kysely';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunRules } from '../rules.ts';

interface NewBooking {
  readonly attemptId: string;
  readonly runId: string;
  /** The ledger entries of an attempt that has ended, as `post_entries` takes them. */
  readonly entries: readonly object[];
  readonly spentMicros: Micros;
  /** True when the run keeps no reservation. */
  readonly isOver: boolean;
  readonly rules: Pick<RunRules, 'timeZone'>;
}

/**
 * Books money with the commit of `trx`: writes the ledger entries with their sums, spends the amount from the budgets of
 * the run and releases as much of its reservation, or all of it. The caller has locked the run's row.
 *
 * The sums and the accounts are rows that every attempt changes, one after the other. A constraint trigger changes them
 * inside `commit`, so that no transaction holds them while its client is on the way. Statements of `trx` itself do not
 * see the booking yet: see `bookNow`.
 */
export async function book(trx: Transaction, booking: NewBooking): Promise<void> {
  const { attemptId, runId, entries, spentMicros, isOver, rules } = booking;
  await sql`
    insert into longhaul.bookings (attempt_id, run_id, entries, spent_micros, is_over, zone)
    values (${attemptId}, ${runId}, ${JSON.stringify(entries)}::json, ${spentMicros}, ${isOver}, ${rules.timeZone})`.execute(
    trx,
  );
}

/** Books now what `trx` would book with its commit: statements that follow need the money that it releases. */
export async function bookNow(trx: Transaction): Promise<void> {
  await sql`set constraints longhaul.bookings_book immediate`.execute(trx);
}
