import { Kysely, type TransactionBuilder } from 'kysely';
import { inBackground, type OnError } from '../core/guard.ts';
import type { Channel, Database, Transaction } from './database.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import type { Tables } from './tables.ts';

interface Hook {
  readonly work: () => unknown;
  readonly onError: OnError | undefined;
}

type Notify = Database['notify'];

/** The work that follows the commit of a transaction. */
interface Sequel {
  readonly hooks: Hook[];
  readonly notify: Notify;
}

/** The sequel of each open transaction. */
const waiting = new WeakMap<object, Sequel>();

/**
 * Does `work` in the background once `trx` is committed; never when it is rolled back. A repeated transaction
 * (`retryDeadlock`) registers its work again in each attempt, so only the attempt that commits has an effect. Work that
 * was registered inside a savepoint is also done when only the savepoint was rolled back. The process may die between
 * the commit and the work: use it only for hints.
 * @param onError Receives the error of `work`. Defaults to a process warning.
 * @throws {TypeError} when `trx` was not opened with `transaction().execute`.
 * @public For notifiers outside the database; the conformance suite of the queue has one.
 */
export function afterCommit(trx: Transaction, work: () => unknown, onError?: OnError): void {
  sequelOf(trx).hooks.push({ work, onError });
}

/**
 * Notifies once `trx` is committed (`Database.notify`); never when it is rolled back. With `pg_notify` in the transaction,
 * its commit would wait for its turn, and hold all rows that it has locked meanwhile: PostgreSQL commits transactions
 * that notify one after the other.
 */
export function notifyAfterCommit(trx: Transaction, channel: Channel, payload: string): void {
  const { hooks, notify } = sequelOf(trx);
  hooks.push({ work: () => notify(channel, payload), onError: undefined });
}

function sequelOf(trx: Transaction): Sequel {
  const sequel = waiting.get(trx);
  if (sequel === undefined) {
    throw new TypeError('afterCommit needs a transaction that is open and was opened with transaction().execute().');
  }
  return sequel;
}

/** Kysely whose transactions do the work of `afterCommit` and `notifyAfterCommit`. */
export class DatabaseSql extends Kysely<Tables> {
  /** Sends the notifications of its transactions. */
  readonly notifier: Notifier = createNotifier(this);

  override transaction(): TransactionBuilder<Tables> {
    return withSequel(super.transaction(), this.notifier.notify);
  }
}

function withSequel(builder: TransactionBuilder<Tables>, notify: Notify): TransactionBuilder<Tables> {
  const execute = builder.execute.bind(builder);
  const setAccessMode = builder.setAccessMode.bind(builder);
  const setIsolationLevel = builder.setIsolationLevel.bind(builder);
  return Object.assign(builder, {
    setAccessMode: (mode: Parameters<typeof setAccessMode>[0]) => withSequel(setAccessMode(mode), notify),
    setIsolationLevel: (level: Parameters<typeof setIsolationLevel>[0]) => withSequel(setIsolationLevel(level), notify),
    async execute<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
      const sequel: Sequel = { hooks: [], notify };
      const result = await execute(async (trx) => {
        waiting.set(trx, sequel);
        try {
          return await work(trx);
        } finally {
          waiting.delete(trx);
        }
      });
      for (const { work, onError } of sequel.hooks) inBackground(work, onError);
      return result;
    },
  });
}
