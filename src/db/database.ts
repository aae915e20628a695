import type { Kysely, Transaction as KyselyTransaction } from 'kysely';
import type { Tables } from './tables.ts';

export type Transaction = KyselyTransaction<Tables>;

interface ExclusiveOptions {
  /** Called once when another process has the lock, before the wait for it. */
  readonly onWait?: () => void;
  /** Aborts the wait; work that has begun is completed. */
  readonly signal?: AbortSignal | undefined;
}

/** A PostgreSQL database, embedded or on a server. Everything above it runs the same SQL on both. */
export interface Database {
  readonly kind: 'embedded' | 'postgres';
  readonly sql: Kysely<Tables>;
  /**
   * Like `sql`, for the statements of each run: a connection parses and plans them once. Their plan must be right for all
   * values, so it is not for lists and searches. A transaction on it must be repeatable (`retryDeadlock`).
   */
  readonly preparedSql: Kysely<Tables>;
  /**
   * Like `sql`, for statements that may take minutes, such as those of a migration. The server cancels a statement on
   * `sql` after 7 s, and after 6 s of waiting for a lock.
   */
  readonly patientSql: Kysely<Tables>;
  /**
   * Does `work` while no other process does such work on this database: migrations of the schemas, and creation of
   * objects that may exist only once. Other processes wait without a limit.
   * @throws the errors of `work`, and the abort reason of `signal` while it waits.
   */
  exclusively<T>(work: () => Promise<T>, options?: ExclusiveOptions): Promise<T>;
  /**
   * Executes SQL text that a library wrote, on the connections of `patientSql`, and returns the rows of all its
   * statements. Text without values may have several statements.
   */
  runScript(text: string, values?: readonly unknown[]): Promise<unknown[]>;
  /**
   * False while notifications may be lost: the listening connection is down, or a pooler drops them. A listener must
   * then poll often.
   */
  readonly hearsNotifications: boolean;
  /**
   * Listens to `NOTIFY channel`. `onReconnect` is called whenever notifications may have been missed: the listener must
   * then poll. Resolves, once listening, to a function that stops it.
   */
  listen(
    channel: Channel,
    onPayload: (payload: string) => void,
    onReconnect?: () => void,
  ): Promise<() => Promise<void>>;
  /**
   * Sends `NOTIFY channel` in the background, about something that is committed. The process may die before, or the
   * database be away: use it only for listeners that also look by themselves.
   */
  notify(channel: Channel, payload: string): void;
  close(): Promise<void>;
}

/** The channels of `NOTIFY`, each with its payload. A notification is a hint; the tables are the truth. */
export const CHANNELS = {
  /** A run has new events. Payload: its id. */
  events: 'longhaul_events',
  /** A run has ended. Payload: its id. */
  ends: 'longhaul_ends',
  /** Runs were queued or claimed. Payload: see `src/queue/postgres-notifier.ts`. */
  queue: 'longhaul_queue',
  /** A caller requested the cancellation of a running run. Payload: its id. */
  cancel: 'longhaul_cancel',
  /** A running run has a new message or a decision. Payload: its id. */
  messages: 'longhaul_messages',
  /** An operator asked a worker to drain. Payload: its id. */
  drain: 'longhaul_drain',
  /** A provider limit was met, or has ended. Payload: the account. */
  provider: 'longhaul_provider',
  /** A webhook delivery is queued. Payload: none. */
  webhooks: 'longhaul_webhooks',
  /** Sent by a process to itself, to test whether notifications arrive. Payload: chosen by the process. */
  trial: 'longhaul_trial',
  /** An API key was revoked. Payload: its id. */
  revocations: 'longhaul_revocations',
} as const;

export type Channel = (typeof CHANNELS)[keyof typeof CHANNELS];
