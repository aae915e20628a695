import { Kysely, type TransactionBuilder } from 'kysely';
import { inBackground, type OnError } from '../core/guard.ts';
import type { Transaction } from './database.ts';
import type { Tables } from './tables.ts';

interface Hook {
  readonly work: () => unknown;
  readonly onError: OnError | undefined;
}

/** The work that waits for the commit of each open transaction. */
const waiting = new WeakMap<object, Hook[]>();

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
  const hooks = waiting.get(trx);
  if (hooks === undefined) {
    throw new TypeError('afterCommit needs a transaction that is open and was opened with transaction().execute().');
  }
  hooks.push({ work, onError });
}

/** Kysely whose transactions do the work of `afterCommit`. */
export class DatabaseSql extends Kysely<Tables> {
  override transaction(): TransactionBuilder<Tables> {
    return withHooks(super.transaction());
  }
}

function withHooks(builder: TransactionBuilder<Tables>): TransactionBuilder<Tables> {
  const execute = builder.execute.bind(builder);
  const setAccessMode = builder.setAccessMode.bind(builder);
  const setIsolationLevel = builder.setIsolationLevel.bind(builder);
  return Object.assign(builder, {
    setAccessMode: (mode: Parameters<typeof setAccessMode>[0]) => withHooks(setAccessMode(mode)),
    setIsolationLevel: (level: Parameters<typeof setIsolationLevel>[0]) => withHooks(setIsolationLevel(level)),
    async execute<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
      const hooks: Hook[] = [];
      const result = await execute(async (trx) => {
        waiting.set(trx, hooks);
        try {
          return await work(trx);
        } finally {
          waiting.delete(trx);
        }
      });
      for (const { work, onError } of hooks) inBackground(work, onError);
      return result;
    },
  });
}
