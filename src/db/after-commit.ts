import { Kysely, sql, type TransactionBuilder } from 'kysely';
import { inBackground, type OnError } from '../core/guard.ts';
import type { Channel, Transaction } from './database.ts';
import type { Tables } from './tables.ts';

interface Hook {
  readonly work: () => unknown;
  readonly onError: OnError | undefined;
}

interface Notification {
  readonly channel: Channel;
  readonly payload: string;
}

/** Work and notifications that follow the commit of a transaction. */
interface Sequel {
  readonly hooks: Hook[];
  readonly notifications: Notification[];
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
 * Sends notifications once `trx` is committed, before its `execute` returns; never when it is rolled back. Unlike
 * `pg_notify` within it, they are lost if the process dies in between, and its commit does not wait for its turn:
 * PostgreSQL commits transactions that notify one after the other, each with all rows that it has locked.
 */
export function notifyAfterCommit(trx: Transaction, notifications: readonly Notification[]): void {
  sequelOf(trx).notifications.push(...notifications);
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
  override transaction(): TransactionBuilder<Tables> {
    return withSequel(super.transaction(), (notifications) => this.#notify(notifications));
  }

  /** Never rejects: a notification is a hint. */
  async #notify(notifications: readonly Notification[]): Promise<void> {
    if (notifications.length === 0) return;
    await sql`
      select pg_notify(channel, payload)
        from json_to_recordset(${JSON.stringify(notifications)}::json) as sent (channel text, payload text)`
      .execute(this)
      .catch(() => {});
  }
}

function withSequel(
  builder: TransactionBuilder<Tables>,
  notify: (notifications: readonly Notification[]) => Promise<void>,
): TransactionBuilder<Tables> {
  const execute = builder.execute.bind(builder);
  const setAccessMode = builder.setAccessMode.bind(builder);
  const setIsolationLevel = builder.setIsolationLevel.bind(builder);
  return Object.assign(builder, {
    setAccessMode: (mode: Parameters<typeof setAccessMode>[0]) => withSequel(setAccessMode(mode), notify),
    setIsolationLevel: (level: Parameters<typeof setIsolationLevel>[0]) => withSequel(setIsolationLevel(level), notify),
    async execute<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
      const sequel: Sequel = { hooks: [], notifications: [] };
      const result = await execute(async (trx) => {
        waiting.set(trx, sequel);
        try {
          return await work(trx);
        } finally {
          waiting.delete(trx);
        }
      });
      for (const { work, onError } of sequel.hooks) inBackground(work, onError);
      await notify(sequel.notifications);
      return result;
    },
  });
}
